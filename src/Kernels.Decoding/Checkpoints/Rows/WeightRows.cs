namespace Kernels.Decoding;

/// <summary>Rows of a stored matrix in the form in which they are computed from: one class for each form that files have.</summary>
/// <param name="format">That form.</param>
/// <param name="columns">Columns.</param>
internal abstract unsafe class WeightRows(WeightFormat format, int columns)
{
    /// <summary>The form in which the rows are computed from.</summary>
    public WeightFormat Format { get; } = format;

    /// <summary>Columns.</summary>
    public int Columns { get; } = columns;

    /// <summary>The part of a row that lies in a plane of the format.</summary>
    /// <param name="plane">The number of the plane.</param>
    /// <param name="row">The row.</param>
    /// <param name="buffer">Room for it, for rows that do not lie like this in the file.</param>
    /// <returns>Where it is.</returns>
    public abstract byte* Plane(int plane, long row, byte* buffer);

    /// <summary>The weights of a row as float32.</summary>
    public void Dequantize(long row, Span<float> target)
    {
        var planes = Format.Planes(Columns);
        var parts = new byte[planes.Length][];
        for (int p = 0; p < parts.Length; p++)
        {
            parts[p] = new byte[planes[p].RowBytes];
            fixed (byte* buffer = parts[p])
            {
                byte* data = Plane(p, row, buffer);
                new ReadOnlySpan<byte>(data, parts[p].Length).CopyTo(parts[p]);
            }
        }

        for (int column = 0; column < Columns; column++)
        {
            target[column] = Weight(parts, column);
        }
    }

    private float Weight(byte[][] parts, int column)
    {
        byte[] codes = parts[0];
        switch (Format.Code)
        {
            case WeightCode.Float32:
                return BitConverter.ToSingle(codes, column * 4);
            case WeightCode.Float16:
                return (float)BitConverter.ToHalf(codes, column * 2);
            case WeightCode.BFloat16:
                return BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(codes, column * 2) << 16);
        }

        int bits = Format.CodeBits == 4 ? (codes[column / 2] >> (column % 2 * 4)) & 15 : codes[column];
        float code = Format.Code switch
        {
            WeightCode.E4M3 => E4M3(bits),
            WeightCode.E2M1 => (bits & 8) != 0 ? -E2M1(bits & 7) : E2M1(bits & 7),
            WeightCode.Int8 => (sbyte)bits,
            _ => bits - Format.Zero,
        };
        int next = 1;
        float scale = Factor(parts, column, ref next);
        return Format.HasMinimum ? MathF.FusedMultiplyAdd(scale, code, Factor(parts, column, ref next)) : scale * code;
    }

    private float Factor(byte[][] parts, int column, ref int next)
    {
        byte[] factors = parts[next++];
        int group = column / Format.Group;
        return Format.Scale switch
        {
            WeightScale.Float32 => BitConverter.ToSingle(factors, group * 4),
            WeightScale.Float16 => (float)BitConverter.ToHalf(factors, group * 2),
            WeightScale.PowerOfTwo => factors[group] == 255 ? float.NaN : MathF.ScaleB(1, factors[group] - 127),
            _ => (sbyte)factors[group] * (float)BitConverter.ToHalf(parts[next++], column / WeightFormat.SuperGroup * 2),
        };
    }

    private static float E2M1(int bits) => bits < 2 ? bits * 0.5f : MathF.ScaleB(1 + ((bits & 1) * 0.5f), (bits >> 1) - 1);

    private static float E4M3(int bits)
    {
        int magnitude = bits & 0x7f;
        float value = magnitude == 0x7f ? float.NaN
            : magnitude < 8 ? MathF.ScaleB(magnitude, -9)
            : MathF.ScaleB(1 + ((magnitude & 7) / 8f), (magnitude >> 3) - 7);
        return bits >= 0x80 ? -value : value;
    }
}
