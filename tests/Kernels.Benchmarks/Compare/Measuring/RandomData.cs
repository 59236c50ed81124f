using System.Runtime.CompilerServices;

namespace Kernels.Benchmarks.Compare;

/// <summary>Seeded random inputs.</summary>
internal static class RandomData
{
    /// <summary>
    /// After so many elements they repeat: a prime, so that rows of no length do soon. Numbers of their own for every element would take
    /// longer than what is measured.
    /// </summary>
    public const int Period = 1_048_573;

    /// <summary>Numbers between −1.7 and 1.7 with variance 1.</summary>
    public static T[] Create<T>(long length, int seed)
        where T : unmanaged
    {
        var random = new Random(seed);
        var fresh = new T[Math.Min(length, Period)];
        for (int i = 0; i < fresh.Length; i++)
        {
            fresh[i] = FromSingle<T>(MathF.Sqrt(3) * ((2 * random.NextSingle()) - 1));
        }

        return length > Period ? Repeat(fresh, length) : fresh;
    }

    /// <summary>Elements over and over, or the first of them.</summary>
    public static T[] Repeat<T>(T[] elements, long length)
    {
        var data = new T[length];
        for (long i = 0; i < length; i += elements.Length)
        {
            int count = (int)Math.Min(elements.Length, length - i);
            elements.AsSpan(0, count).CopyTo(data.AsSpan((int)i, count));
        }

        return data;
    }

    /// <summary>Such an element's number.</summary>
    public static float ToSingle<T>(T value)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<T, float>(value)
        : typeof(T) == typeof(Half) ? (float)Unsafe.BitCast<T, Half>(value)
        : Unsafe.BitCast<T, BFloat16>(value);

    /// <summary>The nearest element.</summary>
    public static T FromSingle<T>(float value)
        where T : unmanaged =>
        typeof(T) == typeof(float) ? Unsafe.BitCast<float, T>(value)
        : typeof(T) == typeof(Half) ? Unsafe.BitCast<Half, T>((Half)value)
        : Unsafe.BitCast<BFloat16, T>((BFloat16)value);
}
