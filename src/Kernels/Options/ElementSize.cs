namespace Kernels;

/// <summary>How much memory an <see cref="ElementType"/> takes, and what it takes beside its elements.</summary>
public static class ElementSize
{
    /// <summary>Bits of one element.</summary>
    public static int BitsPerElement(this ElementType type) => type switch
    {
        ElementType.Float32 => 32,
        ElementType.Float16 or ElementType.BFloat16 => 16,
        ElementType.Int8 or ElementType.Float8E4M3 => 8,
        ElementType.Int4 => 4,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type."),
    };

    /// <summary>Bytes of one element.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An element takes less than a byte.</exception>
    public static int SizeInBytes(this ElementType type) => type.BitsPerElement() is >= 8 and int bits
        ? bits / 8
        : throw new ArgumentOutOfRangeException(nameof(type), type, "An element takes less than a byte.");

    /// <summary>Bytes of a row of <paramref name="elements"/> elements, a whole number of bytes.</summary>
    public static int RowBytes(this ElementType type, int elements) => elements * type.BitsPerElement() / 8;

    /// <summary>
    /// What the scales of a cache of keys and values in this type belong to; of a latent one see <see cref="Scale(ElementType, bool)"/>.
    /// </summary>
    public static CacheScale Scale(this ElementType type) => type switch
    {
        ElementType.Int8 or ElementType.Int4 => CacheScale.PerToken,
        ElementType.Float8E4M3 => CacheScale.PerHead,
        _ => CacheScale.None,
    };

    /// <summary>What the scales of a cache in this type belong to.</summary>
    /// <param name="type">The element type of the cache.</param>
    /// <param name="latentCache">Whether one row a token is key and value.</param>
    public static CacheScale Scale(this ElementType type, bool latentCache) =>
        LatentFloat8Row.IsUsed(latentCache, type) ? CacheScale.PerGroup : type.Scale();
}
