namespace Kernels.Decoding;

/// <summary>Rows of float32, float16 or bfloat16, which are computed from as they lie.</summary>
internal sealed unsafe class PlainRows(byte* start, WeightFormat format, int columns) : WeightRows(format, columns)
{
    private readonly long rowBytes = (long)columns * format.CodeBits / 8;

    /// <inheritdoc/>
    public override byte* Plane(int plane, long row, byte* buffer) => start + (row * rowBytes);
}
