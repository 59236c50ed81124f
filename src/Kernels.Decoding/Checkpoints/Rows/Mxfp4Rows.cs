namespace Kernels.Decoding;

/// <summary>
/// MXFP4 as gpt-oss has it: a tensor of blocks of 16 bytes, the even column in the low half of each, and one of exponents.
/// </summary>
/// <param name="blocks">[rows, columns / 32, 16].</param>
/// <param name="scales">[rows, columns / 32].</param>
/// <param name="columns">Columns; a multiple of 32.</param>
internal sealed unsafe class Mxfp4Rows(byte* blocks, byte* scales, int columns) : WeightRows(WeightFormat.Mxfp4, columns)
{
    /// <inheritdoc/>
    public override byte* Plane(int plane, long row, byte* buffer) => plane == 0
        ? blocks + (row * Columns / 2) : scales + (row * Columns / 32);
}
