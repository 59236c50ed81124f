namespace Kernels;

/// <summary>How much memory an <see cref="ElementType"/> takes.</summary>
public static class ElementSize
{
    /// <summary>Bytes of one element.</summary>
    public static int SizeInBytes(this ElementType type) => type switch
    {
        ElementType.Float32 => 4,
        ElementType.Float16 or ElementType.BFloat16 => 2,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type."),
    };
}
