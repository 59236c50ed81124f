namespace Kernels.Decoding;

/// <summary>Where the heads of one kind, such as the queries, lie in the rows of a projection.</summary>
/// <param name="Stride">Elements from one row to the next.</param>
/// <param name="Offset">Elements of a row before the first head.</param>
/// <param name="HeadStride">Elements from one head to the next; 0: all heads are the same one.</param>
/// <param name="Heads">Heads.</param>
/// <param name="HeadDim">Elements of a head.</param>
internal readonly record struct HeadSlice(int Stride, int Offset, int HeadStride, int Heads, int HeadDim)
{
    /// <summary>Elements of all heads of a token.</summary>
    public int Width => Heads * HeadDim;

    /// <summary>Rows that hold these heads and nothing else.</summary>
    public static HeadSlice Packed(int heads, int headDim) => new(heads * headDim, 0, headDim, heads, headDim);
}
