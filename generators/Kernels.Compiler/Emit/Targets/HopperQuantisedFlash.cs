using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over a quantised cache, whose elements become 16-bit elements in registers.</summary>
internal sealed class HopperQuantisedFlash(KernelContext context, NvidiaTile tile) : HopperBulkFlash(context, tile)
{
    /// <summary>Registers of 16-bit elements that one of the cache's becomes.</summary>
    private int Registers => NvidiaExpansion.Registers(Spec);

    // A multiprocessor has four parts of 16,384 registers, over which it spreads its warps; without a bound some of these kernels take a few
    // too many for two work-groups.
    private int MostRegisters => 16384 / (((2 * Tile.WorkGroupSize / 32) + 3) / 4) / 32 / 8 * 8;

    public override void DeclareTile(CodeWriter writer)
    {
        base.DeclareTile(writer);
        if (Tile.GroupsPerUnit > 1)
        {
            writer.Add($"// Built with -cl-nv-maxrregcount={MostRegisters}, so that a multiprocessor has registers for two work-groups.");
        }
    }

    protected override string[] Functions => [NvidiaExpansion.Functions(Context), .. Registers == 4 ? Nibbles : Bytes];

    private static string[] Bytes =>
    [
        """
        // Of two columns of one key and of another, both keys of one column and of the next; and of the next two columns.
        static uint pair_low(uint a, uint b)
        {
            uint x;
            asm("prmt.b32 %0, %1, %2, 0x5140;" : "=r"(x) : "r"(a), "r"(b));
            return x;
        }

        static uint pair_high(uint a, uint b)
        {
            uint x;
            asm("prmt.b32 %0, %1, %2, 0x7362;" : "=r"(x) : "r"(a), "r"(b));
            return x;
        }

        // Scores += the four elements that this work-item has of two keys, in a register each, times those of the rows.
        static void multiply_registers(float4* score, uint k0, uint k8, const uint2 (*q)[ROW_BLOCKS], int row_count)
        {
            const uint2 x = expand(k0);
            const uint2 y = expand(k8);
            multiply_rows(score, (uint4)(x.s0, y.s0, x.s1, y.s1), q[0], row_count);
        }

        // Outputs += probabilities times the four columns that this work-item has of four keys.
        static void multiply_columns(float4 (*o)[ROW_BLOCKS], const uint2* p, uint v0, uint v1, uint v8, uint v9, int row_count)
        {
            multiply_rows(o[0], (uint4)(expand(pair_low(v0, v1)), expand(pair_low(v8, v9))), p, row_count);
            multiply_rows(o[1], (uint4)(expand(pair_high(v0, v1)), expand(pair_high(v8, v9))), p, row_count);
        }
        """,
    ];

    private static string[] Nibbles =>
    [
        NvidiaPtx.Halves,
        """
        // Scores += the eight elements that this work-item has of two keys, in a register each, times those of the rows.
        static void multiply_registers(float4* score, uint k0, uint k8, const uint2 (*q)[ROW_BLOCKS], int row_count)
        {
            const uint4 x = expand(k0);
            const uint4 y = expand(k8);
            multiply_rows(score, (uint4)(x.s0, y.s0, x.s1, y.s1), q[0], row_count);
            multiply_rows(score, (uint4)(x.s2, y.s2, x.s3, y.s3), q[1], row_count);
        }

        // Outputs += probabilities times the eight columns that this work-item has of four keys: half a register of one key
        // beside half a register of the next.
        static void multiply_columns(float4 (*o)[ROW_BLOCKS], const uint2* p, uint v0, uint v1, uint v8, uint v9, int row_count)
        {
            const uint4 low0 = expand(low_halves(v0, v1));
            const uint4 low8 = expand(low_halves(v8, v9));
            multiply_rows(o[0], (uint4)(low0.lo, low8.lo), p, row_count);
            multiply_rows(o[1], (uint4)(low0.hi, low8.hi), p, row_count);
            const uint4 high0 = expand(high_halves(v0, v1));
            const uint4 high8 = expand(high_halves(v8, v9));
            multiply_rows(o[2], (uint4)(high0.lo, high8.lo), p, row_count);
            multiply_rows(o[3], (uint4)(high0.hi, high8.hi), p, row_count);
        }
        """,
    ];

    protected override string LoadQueries => $$"""
        {{(Registers == 4
            ? "// Of 128 elements, 8 from 32 * (lane % 4) + 8 * i on, e and e + 4 in a register."
            : "// Of 64 elements, 4 from 16 * (lane % 4) + 4 * i on.")}}
        uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            local const uint4* const from = memory + (b * 8 + lane / 4) * QUERY_STRIDE;
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; {{(Registers == 4 ? "d += 2" : "d++")}})
            {
                {{(Registers == 4 ? QueryOfNibbles : QueryOfBytes).Replace("\n", "\n        ")}}
            }
        }
        """;

    private const string QueryOfNibbles = """
        const uint4 q = from[d / 8 * 16 + lane % 4 * 4 + d / 2 % 4];
        query[d][b] = (uint2)(low_halves(q.s0, q.s2), high_halves(q.s0, q.s2));
        query[d + 1][b] = (uint2)(low_halves(q.s1, q.s3), high_halves(q.s1, q.s3));
        """;

    private const string QueryOfBytes = """
        query[d][b] = ((local const uint2*)from)[d / 4 * 16 + lane % 4 * 4 + d % 4];
        """;

    protected override string MultiplyPiece(string k0, string k8, string d) => string.Join("\n", Enumerable.Range(0, 4).Select(word =>
        $"multiply_registers(score[j], {k0}.s{word}, {k8}.s{word}, &query[{(Registers == 4 ? $"2 * ({d} + {word})" : $"{d} + {word}")}], item.row_count);"));

    protected override string MultiplyValues => $$"""
        local const uint2* const value = (local const uint2*)(warp_values + (j * 16 + lane % 4 * 2) * VALUE_PIECES) + lane / 4 * (VALUE_PIECES / 4);
        {{(ValuePieces % 8 == 0 ? PairsOfHalves : SingleHalves)}}
        """;

    private string PairsOfHalves => $$"""
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 4; c += 2)
        {
            {{ReadPairs("uint2", "(VALUE_PIECES * 2)", "halves of a piece").Replace("\n", "\n    ")}}
            multiply_columns(&output[c * {{2 * Blocks}}], p[j], v0[0].s0, v0[1].s0, v0[2].s0, v0[3].s0, item.row_count);
            multiply_columns(&output[c * {{2 * Blocks}} + {{Blocks}}], p[j], v0[0].s1, v0[1].s1, v0[2].s1, v0[3].s1, item.row_count);
            multiply_columns(&output[c * {{2 * Blocks}} + {{2 * Blocks}}], p[j], v1[0].s0, v1[1].s0, v1[2].s0, v1[3].s0, item.row_count);
            multiply_columns(&output[c * {{2 * Blocks}} + {{3 * Blocks}}], p[j], v1[0].s1, v1[1].s1, v1[2].s1, v1[3].s1, item.row_count);
        }
        """;

    private string SingleHalves => $$"""
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 4; c++)
        {
            const uint2 v0 = value[c];
            const uint2 v1 = value[VALUE_PIECES * 2 + c];
            const uint2 v8 = value[8 * VALUE_PIECES * 2 + c];
            const uint2 v9 = value[9 * VALUE_PIECES * 2 + c];
            multiply_columns(&output[c * {{2 * Blocks}}], p[j], v0.s0, v1.s0, v8.s0, v9.s0, item.row_count);
            multiply_columns(&output[c * {{2 * Blocks}} + {{Blocks}}], p[j], v0.s1, v1.s1, v8.s1, v9.s1, item.row_count);
        }
        """;

    /// <summary>Blocks of two columns that this work-item has of a value in a register of the cache.</summary>
    private int Blocks => Registers;
}
