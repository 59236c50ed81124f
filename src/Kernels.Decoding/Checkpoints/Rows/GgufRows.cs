using System.Runtime.CompilerServices;

namespace Kernels.Decoding;

/// <summary>
/// Rows of GGUF's blocks, taken apart into codes, scales and minima. Codes of 5 and 6 bits become 8; all else is exact and as small
/// as it was.
/// </summary>
/// <param name="start">The first row.</param>
/// <param name="type">The type of the blocks.</param>
/// <param name="columns">Columns; a multiple of those of a block.</param>
internal sealed unsafe class GgufRows(byte* start, TensorType type, int columns) : WeightRows(FormatOf(type)!, columns)
{
    private readonly int blockBytes = BlockBytes(type);
    private readonly int blocks = columns / BlockColumns(type);

    /// <summary>The form in which weights of a type of blocks are computed from; null if it is no type of blocks.</summary>
    public static WeightFormat? FormatOf(TensorType type) => type switch
    {
        TensorType.Q4_0 => new WeightFormat(WeightCode.Int4, 32, WeightScale.Float16, Zero: 8),
        TensorType.Q4_1 => new WeightFormat(WeightCode.Int4, 32, WeightScale.Float16, HasMinimum: true),
        TensorType.Q5_0 or TensorType.Q8_0 => new WeightFormat(WeightCode.Int8, 32, WeightScale.Float16),
        TensorType.Q4_K => new WeightFormat(WeightCode.Int4, 32, WeightScale.Coded, HasMinimum: true),
        TensorType.Q5_K => new WeightFormat(WeightCode.Int8, 32, WeightScale.Coded, HasMinimum: true),
        TensorType.Q6_K => new WeightFormat(WeightCode.Int8, 16, WeightScale.Coded),
        _ => null,
    };

    /// <summary>Columns of a block.</summary>
    public static int BlockColumns(TensorType type) => type is TensorType.Q4_K or TensorType.Q5_K or TensorType.Q6_K ? 256 : 32;

    /// <summary>Bytes of a block.</summary>
    public static int BlockBytes(TensorType type) => type switch
    {
        TensorType.Q4_0 => 18,
        TensorType.Q4_1 => 20,
        TensorType.Q5_0 => 22,
        TensorType.Q8_0 => 34,
        TensorType.Q4_K => 144,
        TensorType.Q5_K => 176,
        TensorType.Q6_K => 210,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No type of blocks."),
    };

    /// <inheritdoc/>
    public override byte* Plane(int plane, long row, byte* buffer)
    {
        byte* block = start + (row * blocks * blockBytes);
        for (int b = 0; b < blocks; b++, block += blockBytes)
        {
            switch (type)
            {
                case TensorType.Q4_0 when plane == 0:
                    Nibbles(block + 2, buffer + (b * 16));
                    break;
                case TensorType.Q4_1 when plane == 0:
                    Nibbles(block + 4, buffer + (b * 16));
                    break;
                case TensorType.Q5_0 when plane == 0:
                    FiveBits(block, buffer + (b * 32));
                    break;
                case TensorType.Q8_0 when plane == 0:
                    Unsafe.CopyBlockUnaligned(buffer + (b * 32), block + 2, 32);
                    break;
                case TensorType.Q4_0 or TensorType.Q4_1 or TensorType.Q5_0 or TensorType.Q8_0:
                    // The scale begins a block, and a minimum follows it.
                    CopyHalf(block + ((plane - 1) * 2), buffer + (b * 2));
                    break;
                case TensorType.Q6_K:
                    SixBits(block, plane, b, buffer);
                    break;
                default:
                    Coded(block, plane, b, buffer);
                    break;
            }
        }

        return buffer;
    }

    private static void CopyHalf(byte* from, byte* to) => Unsafe.WriteUnaligned(to, Unsafe.ReadUnaligned<ushort>(from));

    // The first half of a block's columns is in the low halves of its bytes, the second in the high ones.
    private static void Nibbles(byte* from, byte* to)
    {
        for (int i = 0; i < 8; i++)
        {
            int even = from[2 * i], odd = from[(2 * i) + 1];
            to[i] = (byte)((even & 15) | (odd << 4));
            to[i + 8] = (byte)((even >> 4) | (odd & 0xf0));
        }
    }

    private static void FiveBits(byte* block, byte* to)
    {
        uint high = Unsafe.ReadUnaligned<uint>(block + 2);
        for (int i = 0; i < 16; i++)
        {
            to[i] = (byte)(((block[6 + i] & 15) | (int)((high >> i) & 1) << 4) - 16);
            to[i + 16] = (byte)(((block[6 + i] >> 4) | (int)((high >> (i + 16)) & 1) << 4) - 16);
        }
    }

    private static void SixBits(byte* block, int plane, int b, byte* buffer)
    {
        if (plane == 1)
        {
            Unsafe.CopyBlockUnaligned(buffer + (b * 16), block + 192, 16);
            return;
        }

        if (plane == 2)
        {
            CopyHalf(block + 208, buffer + (b * 2));
            return;
        }

        for (int half = 0; half < 2; half++)
        {
            byte* low = block + (half * 64), high = block + 128 + (half * 32), to = buffer + (b * 256) + (half * 128);
            for (int i = 0; i < 32; i++)
            {
                to[i] = (byte)(((low[i] & 15) | ((high[i] & 3) << 4)) - 32);
                to[i + 32] = (byte)(((low[i + 32] & 15) | (((high[i] >> 2) & 3) << 4)) - 32);
                to[i + 64] = (byte)(((low[i] >> 4) | (((high[i] >> 4) & 3) << 4)) - 32);
                to[i + 96] = (byte)(((low[i + 32] >> 4) | ((high[i] >> 6) << 4)) - 32);
            }
        }
    }

    // Q4_K and Q5_K: what scales and minima are multiplied by, 8 of each of 6 bits, the fifth bits of codes, and codes.
    private void Coded(byte* block, int plane, int b, byte* buffer)
    {
        switch (plane)
        {
            case 0 when type == TensorType.Q4_K:
                for (int pair = 0; pair < 4; pair++)
                {
                    byte* from = block + 16 + (pair * 32), to = buffer + (b * 128) + (pair * 32);
                    for (int i = 0; i < 16; i++)
                    {
                        int even = from[2 * i], odd = from[(2 * i) + 1];
                        to[i] = (byte)((even & 15) | (odd << 4));
                        to[i + 16] = (byte)((even >> 4) | (odd & 0xf0));
                    }
                }

                break;
            case 0:
                for (int pair = 0; pair < 4; pair++)
                {
                    byte* high = block + 16, from = block + 48 + (pair * 32), to = buffer + (b * 256) + (pair * 64);
                    for (int i = 0; i < 32; i++)
                    {
                        to[i] = (byte)((from[i] & 15) | (((high[i] >> (2 * pair)) & 1) << 4));
                        to[i + 32] = (byte)((from[i] >> 4) | (((high[i] >> ((2 * pair) + 1)) & 1) << 4));
                    }
                }

                break;
            case 1 or 3:
                byte* packed = block + 4;
                for (int i = 0; i < 8; i++)
                {
                    buffer[(b * 8) + i] = (byte)((plane, i) switch
                    {
                        (1, < 4) => packed[i] & 63,
                        (3, < 4) => packed[i + 4] & 63,
                        (1, _) => (packed[i + 4] & 15) | ((packed[i - 4] >> 6) << 4),
                        _ => (packed[i + 4] >> 4) | ((packed[i] >> 6) << 4),
                    });
                }

                break;
            case 2:
                CopyHalf(block, buffer + (b * 2));
                break;
            default:
                // Minima are taken away.
                Unsafe.WriteUnaligned(buffer + (b * 2), (ushort)(Unsafe.ReadUnaligned<ushort>(block + 2) ^ 0x8000));
                break;
        }
    }
}
