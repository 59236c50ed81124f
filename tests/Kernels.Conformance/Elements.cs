using System.Runtime.CompilerServices;

namespace Kernels.Conformance;

/// <summary>Conversion between float32 and the host types of storage.</summary>
internal static class Elements
{
    public static T From<T>(float value) where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return Unsafe.BitCast<float, T>(value);
        }

        return typeof(T) == typeof(Half) ? Unsafe.BitCast<Half, T>((Half)value) : Unsafe.BitCast<BFloat16, T>((BFloat16)value);
    }

    public static float ToFloat<T>(T value) where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            return Unsafe.BitCast<T, float>(value);
        }

        return typeof(T) == typeof(Half) ? (float)Unsafe.BitCast<T, Half>(value) : Unsafe.BitCast<T, BFloat16>(value);
    }

    /// <summary>The nearest value that a storage type has.</summary>
    public static double Round(ElementType type, double value) => type switch
    {
        ElementType.Float32 => (float)value,
        ElementType.Float16 => (double)(Half)value,
        _ => (BFloat16)(float)value,
    };
}
