namespace Kernels;

/// <summary>
/// A token's row of a latent cache in <see cref="ElementType.Float8E4M3"/>, as FlashMLA has it: the elements that are also the
/// value in e4m3, then a float32 scale for each 128 of them, then the elements after the value, which turn, in bfloat16. With
/// DeepSeek's rank of 512 and 64 elements that turn it takes 512 + 16 + 128 = 656 bytes.
/// </summary>
public static class LatentFloat8Row
{
    /// <summary>Elements of the value that share a scale; a value is a whole number of such groups.</summary>
    public const int GroupSize = 128;

    /// <summary>Whether a cache is made of such rows.</summary>
    /// <param name="latentCache">Whether one row a token is key and value.</param>
    /// <param name="cache">The element type of the cache.</param>
    public static bool IsUsed(bool latentCache, ElementType cache) => latentCache && cache == ElementType.Float8E4M3;

    /// <summary>Where in a row its scales begin, in bytes.</summary>
    /// <param name="valueDim">Elements of the value: the latent rank.</param>
    public static int ScalesAt(int valueDim) => valueDim;

    /// <summary>Where in a row the elements after the value begin, in bytes.</summary>
    /// <param name="valueDim">Elements of the value: the latent rank.</param>
    public static int TailAt(int valueDim) => valueDim + ((valueDim + GroupSize - 1) / GroupSize * sizeof(float));

    /// <summary>Bytes of a row.</summary>
    /// <param name="headDim">Elements of the key, those of the value included.</param>
    /// <param name="valueDim">Elements of the value: the latent rank.</param>
    public static int Bytes(int headDim, int valueDim) => TailAt(valueDim) + ((headDim - valueDim) * sizeof(ushort));
}
