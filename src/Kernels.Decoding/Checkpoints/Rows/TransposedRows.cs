namespace Kernels.Decoding;

/// <summary>Columns of a matrix of float32, float16 or bfloat16 as rows.</summary>
/// <param name="start">The first element.</param>
/// <param name="format">The form.</param>
/// <param name="columns">Rows of the stored matrix that are taken.</param>
/// <param name="stored">Columns of the stored matrix: elements from one of its rows to the next.</param>
internal sealed unsafe class TransposedRows(byte* start, WeightFormat format, int columns, int stored) : WeightRows(format, columns)
{
    /// <inheritdoc/>
    public override byte* Plane(int plane, long row, byte* buffer)
    {
        if (Format.CodeBits == 16)
        {
            ushort* from = (ushort*)start + row;
            for (int i = 0; i < Columns; i++, from += stored)
            {
                ((ushort*)buffer)[i] = *from;
            }
        }
        else
        {
            uint* from = (uint*)start + row;
            for (int i = 0; i < Columns; i++, from += stored)
            {
                ((uint*)buffer)[i] = *from;
            }
        }

        return buffer;
    }
}
