namespace Kernels;

/// <summary>The host types that stand for element types.</summary>
public static class HostElement
{
    /// <summary>The element type that the host type <typeparamref name="T"/> stands for.</summary>
    /// <exception cref="ArgumentException">
    /// <typeparamref name="T"/> is none of <see cref="float"/>, <see cref="Half"/>, <see cref="BFloat16"/>.
    /// </exception>
    public static ElementType Of<T>() where T : unmanaged =>
        typeof(T) == typeof(float) ? ElementType.Float32
        : typeof(T) == typeof(Half) ? ElementType.Float16
        : typeof(T) == typeof(BFloat16) ? ElementType.BFloat16
        : throw new ArgumentException($"Expected float, Half or BFloat16, got {typeof(T)}.");
}
