using System.Buffers.Binary;
using Kernels.Decoding;

namespace Kernels.Conformance;

/// <summary>Matrices of random weights in groups: their bytes, row after row, and the weights as numbers.</summary>
internal sealed class GroupedMatrix
{
    private static readonly double[] E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6];

    /// <param name="format">The format.</param>
    /// <param name="rows">Rows of a matrix.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="count">Matrices.</param>
    /// <param name="random">Where numbers come from.</param>
    /// <param name="poison">Whether some weights are not numbers.</param>
    public GroupedMatrix(WeightFormat format, int rows, int columns, int count, Random random, bool poison)
    {
        long matrixBytes = format.MatrixBytes(rows, columns, WeightLayout.RowMajor);
        Bytes = new byte[count * matrixBytes];
        Weights = new double[count * rows, columns];
        WeightPlane[] planes = [.. format.Planes(columns)];
        for (int m = 0; m < count; m++)
        {
            Span<byte> left = Bytes.AsSpan((int)(m * matrixBytes), (int)matrixBytes);
            for (int p = 0; p < planes.Length; p++)
            {
                Span<byte> plane = left[..(rows * planes[p].RowBytes)];
                Fill(plane, planes[p], format, p, random);
                left = left[(int)format.PlaneBytes(planes[p], rows)..];
            }

            if (poison)
            {
                Poison(format, m * matrixBytes, rows, columns, planes);
            }

            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    Weights[(m * rows) + row, column] = Weight(format, m * matrixBytes, rows, planes, row, column);
                }
            }
        }
    }

    /// <summary>The matrices, one after the other.</summary>
    public byte[] Bytes { get; }

    /// <summary>[count · rows, columns].</summary>
    public double[,] Weights { get; }

    private static void Fill(Span<byte> plane, WeightPlane of, WeightFormat format, int index, Random random)
    {
        if (index == 0)
        {
            random.NextBytes(plane);
            foreach (ref byte code in plane)
            {
                // Codes that are not numbers come with the poison alone.
                code = format.Code == WeightCode.E4M3 && (code & 0x7F) == 0x7F ? (byte)0x01 : code;
            }

            return;
        }

        for (int i = 0; i < plane.Length / of.ElementBytes; i++)
        {
            Span<byte> element = plane[(i * of.ElementBytes)..];
            float value = (0.5f + random.NextSingle()) * 0.01f * (random.Next(4) == 0 ? -1 : 1);
            switch (of.ElementBytes)
            {
                case 4:
                    BinaryPrimitives.WriteSingleLittleEndian(element, value);
                    break;
                case 2:
                    BinaryPrimitives.WriteHalfLittleEndian(element, (Half)value);
                    break;
                default:
                    element[0] = format.Scale == WeightScale.PowerOfTwo ? (byte)random.Next(110, 125) : (byte)random.Next(-100, 100);
                    break;
            }
        }
    }

    // The second row has a code or a scale that is not a number, and where scales are powers of two the third the least and the largest.
    private void Poison(WeightFormat format, long start, int rows, int columns, WeightPlane[] planes)
    {
        int codes = (int)format.PlaneBytes(planes[0], rows);
        Span<byte> matrix = Bytes.AsSpan((int)start);
        Span<byte> scale = matrix[(codes + planes[1].RowBytes)..];
        switch (format.Scale)
        {
            case WeightScale.PowerOfTwo:
                scale[0] = 255;
                scale[planes[1].RowBytes] = 0;
                break;
            case WeightScale.Float32 when format.Code == WeightCode.E4M3:
                matrix[planes[0].RowBytes + columns - 1] = 0xFF;
                break;
            case WeightScale.Float32:
                BinaryPrimitives.WriteSingleLittleEndian(scale, float.NaN);
                break;
            case WeightScale.Float16:
                BinaryPrimitives.WriteHalfLittleEndian(scale, Half.NaN);
                break;
        }
    }

    private double Weight(WeightFormat format, long start, int rows, WeightPlane[] planes, int row, int column)
    {
        ReadOnlySpan<byte> matrix = Bytes.AsSpan((int)start);
        int stored = matrix[(row * planes[0].RowBytes) + (format.CodeBits == 4 ? column / 2 : column)];
        int four = column % 2 == 0 ? stored & 15 : stored >> 4;
        double code = format.Code switch
        {
            WeightCode.E4M3 => OfE4M3(stored),
            WeightCode.E2M1 => E2M1[four],
            WeightCode.Int8 => (sbyte)stored,
            _ => four - format.Zero,
        };
        int at = (int)format.PlaneBytes(planes[0], rows);
        double scale = Factor(ref at), minimum = format.HasMinimum ? Factor(ref at) : 0;
        return (scale * code) + minimum;

        double Factor(ref int plane)
        {
            ReadOnlySpan<byte> all = Bytes.AsSpan((int)start);
            int element = (row * planes[1].Elements) + (column / format.Group), own = plane + (element * planes[1].ElementBytes);
            plane += (int)format.PlaneBytes(planes[1], rows);
            switch (format.Scale)
            {
                case WeightScale.Float32:
                    return BinaryPrimitives.ReadSingleLittleEndian(all[own..]);
                case WeightScale.Float16:
                    return (double)BinaryPrimitives.ReadHalfLittleEndian(all[own..]);
                case WeightScale.PowerOfTwo:
                    return all[own] == 255 ? double.NaN : Math.Pow(2, all[own] - 127);
                default:
                    int super = plane + (((row * planes[2].Elements) + (column / WeightFormat.SuperGroup)) * 2);
                    plane += (int)format.PlaneBytes(planes[2], rows);
                    return (sbyte)all[own] * (double)BinaryPrimitives.ReadHalfLittleEndian(all[super..]);
            }
        }
    }

    private static double OfE4M3(int bits)
    {
        int exponent = (bits >> 3) & 15, mantissa = bits & 7;
        double magnitude = (bits & 0x7F) == 0x7F ? double.NaN
            : exponent == 0 ? mantissa * Math.Pow(2, -9) : (8 + mantissa) * Math.Pow(2, exponent - 10);
        return bits >= 128 ? -magnitude : magnitude;
    }
}
