using System.Runtime.CompilerServices;

namespace Kernels.Benchmarks.Compare;

/// <summary>Seeded random inputs.</summary>
internal static class RandomData
{
    // Prime, so that rows of no length repeat soon. Numbers of their own for every element would take longer than what is measured.
    private const int Period = 1_048_573;

    /// <summary>Numbers between −1.7 and 1.7 with variance 1.</summary>
    public static T[] Create<T>(long length, int seed)
        where T : unmanaged
    {
        var random = new Random(seed);
        var data = new T[length];
        int fresh = (int)Math.Min(length, Period);
        for (int i = 0; i < fresh; i++)
        {
            data[i] = FromSingle<T>(MathF.Sqrt(3) * ((2 * random.NextSingle()) - 1));
        }

        for (long i = fresh; i < length; i += fresh)
        {
            int count = (int)Math.Min(fresh, length - i);
            data.AsSpan(0, count).CopyTo(data.AsSpan((int)i, count));
        }

        return data;
    }

    /// <summary>Such an element's number.</summary>
    public static float ToSingle<T>(T value)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<T, float>(value)
        : typeof(T) == typeof(Half) ? (float)Unsafe.BitCast<T, Half>(value)
        : Unsafe.BitCast<T, BFloat16>(value);

    private static T FromSingle<T>(float value)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>(value)
        : typeof(T) == typeof(Half) ? Unsafe.BitCast<Half, T>((Half)value)
        : Unsafe.BitCast<BFloat16, T>((BFloat16)value);
}
