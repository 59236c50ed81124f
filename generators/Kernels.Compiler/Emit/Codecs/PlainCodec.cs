namespace Kernels.Compiler.Emit.Codecs;

/// <summary>An element type that stores numbers as they are: one that queries, keys, values and outputs can have.</summary>
internal abstract class PlainCodec : Codec
{
    public static PlainCodec For(ElementType type) => type switch
    {
        ElementType.Float32 => new Float32Codec(),
        ElementType.Float16 => new Float16Codec(),
        ElementType.BFloat16 => new BFloat16Codec(),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Numbers cannot be stored in this type without a scale."),
    };

    /// <summary>A statement that stores the float4 expression <paramref name="value"/> at <paramref name="pointer"/>.</summary>
    public string Store4(string pointer, string value) => StoreVector(pointer, value, 4);

    /// <summary>A statement that stores the float16 variable <paramref name="value"/> at <paramref name="pointer"/>.</summary>
    public string Store16(string pointer, string value) => StoreVector(pointer, value, 16);

    protected abstract string StoreVector(string pointer, string value, int width);
}
