namespace Kernels.Decoding;

/// <summary>
/// E4M3 with a scale for each block of rows and columns, as DeepSeek-V3 has it. Each row is given the scales of its blocks, so that
/// rows of several matrices, or of parts of one, can lie in one.
/// </summary>
/// <param name="codes">[rows, columns].</param>
/// <param name="scales">The scales of the blocks, [rows / block, columns / block].</param>
/// <param name="columns">Columns.</param>
/// <param name="blockRows">Rows of a block; the last block may have fewer.</param>
/// <param name="blockColumns">Columns of a block; the last block may have fewer.</param>
internal sealed unsafe class Fp8Rows(byte* codes, float[] scales, int columns, int blockRows, int blockColumns)
    : WeightRows(WeightFormat.Fp8(blockColumns), columns)
{
    private readonly int blocks = ((columns - 1) / blockColumns) + 1;

    /// <inheritdoc/>
    public override byte* Plane(int plane, long row, byte* buffer)
    {
        if (plane == 0)
        {
            return codes + (row * Columns);
        }

        scales.AsSpan((int)(row / blockRows) * blocks, blocks).CopyTo(new Span<float>(buffer, blocks));
        return buffer;
    }

    /// <summary>Columns of some rows as rows.</summary>
    /// <param name="first">The first row that is taken.</param>
    /// <param name="rows">The rows that are taken.</param>
    /// <param name="alignment">What the first rows of such parts are multiples of,</param>
    /// <param name="offset">but for this many.</param>
    public WeightRows Transpose(long first, int rows, int alignment, int offset) =>
        new Transposed(codes + (first * Columns), this, first, rows, (int)Gcd(Gcd(blockRows, alignment), offset));

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    private float ScaleAt(long row, long column) => scales[(row / blockRows * blocks) + (column / blockColumns)];

    private sealed class Transposed(byte* start, Fp8Rows stored, long first, int rows, int group)
        : WeightRows(WeightFormat.Fp8(group), rows)
    {
        public override byte* Plane(int plane, long row, byte* buffer)
        {
            if (plane == 0)
            {
                byte* from = start + row;
                for (int i = 0; i < Columns; i++, from += stored.Columns)
                {
                    buffer[i] = *from;
                }
            }
            else
            {
                for (int i = 0; i * group < Columns; i++)
                {
                    ((float*)buffer)[i] = stored.ScaleAt(first + ((long)i * group), row);
                }
            }

            return buffer;
        }
    }
}
