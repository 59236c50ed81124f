using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Decoding.Tests;

/// <summary>Random matrices in formats with groups: their planes, and in double precision what their weights are.</summary>
internal sealed class GroupedWeights
{
    private static readonly double[] E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6];

    private readonly WeightFormat format;
    private readonly int rows;
    private readonly int columns;
    private readonly byte[][] planes;

    public GroupedWeights(Random random, WeightFormat format, int rows, int columns)
    {
        this.format = format;
        this.rows = rows;
        this.columns = columns;
        ImmutableArray<WeightPlane> shapes = format.Planes(columns);
        planes = new byte[shapes.Length][];
        for (int p = 0; p < planes.Length; p++)
        {
            planes[p] = new byte[rows * shapes[p].RowBytes];
            random.NextBytes(planes[p]);
            if (p == 0)
            {
                // All codes but the NaN of E4M3, its subnormals among them.
                planes[p] = format.Code == WeightCode.E4M3 ? [.. planes[p].Select(b => (b & 0x7f) == 0x7f ? (byte)(b & 0x87) : b)]
                    : planes[p];
            }
            else if (shapes[p].ElementBytes == 4)
            {
                MemoryMarshal.AsBytes<float>(KernelData.Values(random, planes[p].Length / 4)).CopyTo(planes[p]);
            }
            else if (shapes[p].ElementBytes == 2)
            {
                MemoryMarshal.AsBytes<Half>([.. KernelData.Values(random, planes[p].Length / 2).Select(v => (Half)v)]).CopyTo(planes[p]);
            }
            else if (format.Scale == WeightScale.PowerOfTwo)
            {
                planes[p] = [.. planes[p].Select(b => (byte)(120 + (b % 15)))];
            }
        }
    }

    /// <summary>The weights, row-major.</summary>
    public double[] Values
    {
        get
        {
            var values = new double[rows * columns];
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                {
                    int next = 1;
                    double value = Factor(row, column, ref next) * Code(row, column);
                    values[(row * columns) + column] = format.HasMinimum ? value + Factor(row, column, ref next) : value;
                }
            }

            return values;
        }
    }

    /// <summary>The matrices on a device, so many below each other.</summary>
    public WeightMatrix Upload(ComputeDevice device, WeightLayout layout, int count = 1)
    {
        int each = rows / count;
        var bytes = new byte[count * format.MatrixBytes(each, columns, layout)];
        bytes.AsSpan().Fill(0xff);
        int padded = layout.PaddedRows(each);
        long at = 0;
        for (int i = 0; i < count; i++)
        {
            foreach ((int p, WeightPlane plane) in format.Planes(columns).Index())
            {
                Span<byte> target = bytes.AsSpan((int)at, padded * plane.RowBytes);
                ReadOnlySpan<byte> source = planes[p].AsSpan(i * each * plane.RowBytes, each * plane.RowBytes);
                switch (plane.ElementBytes)
                {
                    case 1:
                        layout.OfPlane(p).Pack(source, plane.Elements, 1, each, plane.Elements, target);
                        break;
                    case 2:
                        layout.OfPlane(p)
                        .Pack(
                            MemoryMarshal.Cast<byte, ushort>(source), plane.Elements, 1, each, plane.Elements,
                            MemoryMarshal.Cast<byte, ushort>(target));
                        break;
                    default:
                        layout.OfPlane(p)
                        .Pack(
                            MemoryMarshal.Cast<byte, uint>(source), plane.Elements, 1, each, plane.Elements,
                            MemoryMarshal.Cast<byte, uint>(target));
                        break;
                }

                at += format.PlaneBytes(plane, padded);
            }
        }

        return WeightMatrix.From(device.Upload<byte>(bytes), format, rows, columns, layout, count);
    }

    private double Code(int row, int column)
    {
        int bits = format.CodeBits == 4 ? (planes[0][(row * columns / 2) + (column / 2)] >> (column % 2 * 4)) & 15
            : planes[0][(row * columns) + column];
        switch (format.Code)
        {
            case WeightCode.E2M1:
                return E2M1[bits];
            case WeightCode.Int4:
                return bits - format.Zero;
            case WeightCode.Int8:
                return (sbyte)bits;
            default:
                int exponent = (bits >> 3) & 15, mantissa = bits & 7;
                double magnitude = exponent == 0 ? mantissa * Math.Pow(2, -9) : (1 + (mantissa / 8.0)) * Math.Pow(2, exponent - 7);
                return bits >= 128 ? -magnitude : magnitude;
        }
    }

    private double Factor(int row, int column, ref int plane)
    {
        int groups = ((columns - 1) / format.Group) + 1;
        int i = (row * groups) + (column / format.Group);
        byte[] bytes = planes[plane++];
        switch (format.Scale)
        {
            case WeightScale.Float32:
                return BitConverter.ToSingle(bytes, i * 4);
            case WeightScale.Float16:
                return (double)BitConverter.ToHalf(bytes, i * 2);
            case WeightScale.PowerOfTwo:
                return Math.Pow(2, bytes[i] - 127);
            default:
                int supers = ((columns - 1) / WeightFormat.SuperGroup) + 1;
                return (sbyte)bytes[i] * (double)BitConverter.ToHalf(
                    planes[plane++], ((row * supers) + (column / WeightFormat.SuperGroup)) * 2);
        }
    }
}
