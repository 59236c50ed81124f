using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Kernels.Conformance;

/// <summary>
/// One row of a cache, written and read the plain way: by the rules as they are documented, number by number, without a kernel's shortcuts.
/// </summary>
internal static class CacheRow
{
    /// <summary>The 127 magnitudes of e4m3 in the order of their codes.</summary>
    private static readonly double[] E4M3 = [.. Enumerable.Range(0, 127).Select(code => code < 8
        ? Math.ScaleB(code, -9)
        : Math.ScaleB(8 + (code % 8), (code / 8) - 10))];

    /// <summary>What a row stands for.</summary>
    /// <param name="type">The cache's element type.</param>
    /// <param name="bytes">The row as it lies in memory.</param>
    /// <param name="scale">The row's scale; 1 where there is none.</param>
    /// <param name="values">Takes the numbers, scaled.</param>
    public static void Decode(ElementType type, ReadOnlySpan<byte> bytes, float scale, Span<double> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = scale * type switch
            {
                ElementType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]),
                ElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]),
                ElementType.BFloat16 => BFloat16.FromBits(BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..])),
                ElementType.Int8 => (sbyte)bytes[i],
                ElementType.Int4 => Nibble(bytes[i / 2] >> (4 * (i % 2))),
                ElementType.Float8E4M3 => FromE4M3(bytes[i]),
                _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type."),
            };
        }
    }

    /// <summary>What the append kernel has to write for a row, bit for bit.</summary>
    /// <param name="type">The cache's element type.</param>
    /// <param name="values">The row.</param>
    /// <param name="headScale">The scale of the row's head, where the type has scales by head.</param>
    /// <param name="bytes">Takes the row as it lies in memory.</param>
    /// <returns>The row's scale, where the type has scales by token.</returns>
    public static float Encode(ElementType type, ReadOnlySpan<float> values, float headScale, Span<byte> bytes)
    {
        switch (type)
        {
            case ElementType.Float32:
                MemoryMarshal.AsBytes(values).CopyTo(bytes);
                return 1;
            case ElementType.Float16:
                for (int i = 0; i < values.Length; i++)
                {
                    BinaryPrimitives.WriteHalfLittleEndian(bytes[(2 * i)..], (Half)values[i]);
                }

                return 1;
            case ElementType.BFloat16:
                for (int i = 0; i < values.Length; i++)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes[(2 * i)..], ((BFloat16)values[i]).ToBits());
                }

                return 1;
            case ElementType.Int8 or ElementType.Int4:
                return EncodeIntegers(type == ElementType.Int8 ? 127 : 7, values, bytes);
            case ElementType.Float8E4M3:
                for (int i = 0; i < values.Length; i++)
                {
                    bytes[i] = ToE4M3(values[i], headScale);
                }

                return headScale;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type.");
        }
    }

    /// <summary>
    /// The largest distance that a stored number may have from what was appended: half a step, or the part that is saturated.
    /// </summary>
    public static double LargestError(ElementType type, double value, float scale) => type switch
    {
        ElementType.Int8 or ElementType.Int4 => scale == 0 ? Math.ScaleB(1, -100) : 0.5 * scale,
        ElementType.Float8E4M3 => Math.Max(Math.Abs(value) - (448 * scale), Math.Max(Math.Abs(value) / 17, scale * Math.ScaleB(1, -10))),
        _ => 0,
    };

    private static float EncodeIntegers(int largest, ReadOnlySpan<float> values, Span<byte> bytes)
    {
        float top = 0;
        bool finite = true;
        foreach (float value in values)
        {
            finite &= float.IsFinite(value);
            top = Math.Max(top, Math.Abs(value));
        }

        float scale = !finite ? float.NaN : top < Math.ScaleB(1, -100) ? 0 : top * (1f / largest);
        bytes.Clear();
        for (int i = 0; scale > 0 && i < values.Length; i++)
        {
            // The quotient of two float32 is not rounded onto a middle that it does not lie on: that takes 53 bits at most.
            int q = (int)Math.Round((double)values[i] / scale, MidpointRounding.ToEven);
            if (largest == 7)
            {
                bytes[i / 2] |= (byte)((q & 15) << (4 * (i % 2)));
            }
            else
            {
                bytes[i] = (byte)q;
            }
        }

        return scale;
    }

    private static int Nibble(int bits) => (bits & 15) < 8 ? bits & 15 : (bits & 15) - 16;

    private static double FromE4M3(byte bits) =>
        (bits & 0x7F) == 0x7F ? double.NaN : (bits & 0x80) == 0 ? E4M3[bits & 0x7F] : -E4M3[bits & 0x7F];

    private static byte ToE4M3(float value, float scale)
    {
        int sign = float.IsNegative(value) ? 0x80 : 0;
        if (!float.IsFinite(value))
        {
            return (byte)(sign | 0x7F);
        }

        // The nearest of all; products of a code's few bits with a float32 are exact in double precision.
        double magnitude = Math.Abs((double)value);
        int nearest = 0;
        for (int code = 1; code < E4M3.Length; code++)
        {
            double middle = 0.5 * (E4M3[code - 1] + E4M3[code]) * scale;
            if (magnitude > middle || (magnitude == middle && code % 2 == 0))
            {
                nearest = code;
            }
        }

        return (byte)(sign | nearest);
    }
}
