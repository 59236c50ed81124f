using System.Buffers.Binary;

namespace Kernels.Conformance;

/// <summary>
/// A row of a latent cache in 8 bits, written and read the plain way: e4m3 in groups of 128, a float32 scale for each group, and
/// bfloat16 after that; 656 bytes for DeepSeek's 512 + 64 elements.
/// </summary>
internal static class LatentRow
{
    private const int Group = 128;

    /// <summary>Bytes of a row.</summary>
    public static int Bytes(int headDim, int valueDim) => valueDim + (valueDim / 32) + (2 * (headDim - valueDim));

    /// <summary>What the append kernel has to write for a row, bit for bit.</summary>
    /// <param name="values">The row, its elements after the value turned already.</param>
    /// <param name="valueDim">How many of them are the value.</param>
    /// <param name="bytes">Takes the row as it lies in memory.</param>
    public static void Encode(ReadOnlySpan<float> values, int valueDim, Span<byte> bytes)
    {
        for (int begin = 0; begin < valueDim; begin += Group)
        {
            ReadOnlySpan<float> group = values.Slice(begin, Group);
            float largest = 0;
            bool finite = true;
            foreach (float value in group)
            {
                largest = Math.Max(largest, Math.Abs(value));
                finite &= float.IsFinite(value);
            }

            float scale = Math.Max(largest / 448, MathF.ScaleB(1, -100));
            BinaryPrimitives.WriteInt32LittleEndian(
                bytes[(valueDim + (begin / Group * 4))..], finite ? BitConverter.SingleToInt32Bits(scale) : 0x7FC00000);
            bytes.Slice(begin, Group).Clear();
            if (finite)
            {
                CacheRow.Encode(ElementType.Float8E4M3, group, scale, bytes.Slice(begin, Group));
            }
        }

        CacheRow.Encode(ElementType.BFloat16, values[valueDim..], 1, bytes[(valueDim + (valueDim / 32))..]);
    }

    /// <summary>What a row stands for.</summary>
    /// <param name="bytes">The row as it lies in memory.</param>
    /// <param name="valueDim">How many of its elements are the value.</param>
    /// <param name="values">Takes the numbers, scaled.</param>
    /// <param name="scales">Takes the scale of each element; 1 after the value.</param>
    public static void Decode(ReadOnlySpan<byte> bytes, int valueDim, Span<double> values, Span<float> scales)
    {
        for (int begin = 0; begin < valueDim; begin += Group)
        {
            float scale = BinaryPrimitives.ReadSingleLittleEndian(bytes[(valueDim + (begin / Group * 4))..]);
            scales.Slice(begin, Group).Fill(scale);
            CacheRow.Decode(ElementType.Float8E4M3, bytes.Slice(begin, Group), scale, values.Slice(begin, Group));
        }

        scales[valueDim..].Fill(1);
        CacheRow.Decode(ElementType.BFloat16, bytes[(valueDim + (valueDim / 32))..], 1, values[valueDim..]);
    }
}
