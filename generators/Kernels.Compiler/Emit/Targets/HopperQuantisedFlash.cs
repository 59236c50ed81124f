using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over a quantised cache, whose elements become 16-bit elements in registers.</summary>
internal sealed class HopperQuantisedFlash(KernelContext context, NvidiaTile tile) : HopperBulkFlash(context, tile)
{
    /// <summary>Registers of 16-bit elements that one of the cache's becomes.</summary>
    private int Registers => NvidiaExpansion.Registers(Spec);

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

        // c += a (16 x 16) times the four elements of each key that this work-item has in a register.
        static float4 multiply_register(float4 c, const uint4* a, uint raw)
        {
            const uint2 k = expand(raw);
            return mma_m16n8k16(c, a[0], k.s0, k.s1);
        }

        // Four blocks of outputs += p times the four columns that this work-item has of four keys.
        static void multiply_columns(float4* o, uint4 p, uint v0, uint v1, uint v8, uint v9)
        {
            const uint2 low0 = expand(pair_low(v0, v1));
            const uint2 low8 = expand(pair_low(v8, v9));
            o[0] = mma_m16n8k16(o[0], p, low0.s0, low8.s0);
            o[1] = mma_m16n8k16(o[1], p, low0.s1, low8.s1);
            const uint2 high0 = expand(pair_high(v0, v1));
            const uint2 high8 = expand(pair_high(v8, v9));
            o[2] = mma_m16n8k16(o[2], p, high0.s0, high8.s0);
            o[3] = mma_m16n8k16(o[3], p, high0.s1, high8.s1);
        }
        """,
    ];

    private static string[] Nibbles =>
    [
        NvidiaPtx.Halves,
        """
        // c += a (16 x 32) times the eight elements of each key that this work-item has in a register.
        static float4 multiply_register(float4 c, const uint4* a, uint raw)
        {
            const uint4 k = expand(raw);
            return mma_m16n8k16(mma_m16n8k16(c, a[0], k.s0, k.s1), a[1], k.s2, k.s3);
        }

        // Eight blocks of outputs += p times the eight columns that this work-item has of four keys: half a register of one key
        // beside half a register of the next.
        static void multiply_columns(float4* o, uint4 p, uint v0, uint v1, uint v8, uint v9)
        {
            const uint4 low0 = expand(low_halves(v0, v1));
            const uint4 low8 = expand(low_halves(v8, v9));
            o[0] = mma_m16n8k16(o[0], p, low0.s0, low8.s0);
            o[1] = mma_m16n8k16(o[1], p, low0.s1, low8.s1);
            o[2] = mma_m16n8k16(o[2], p, low0.s2, low8.s2);
            o[3] = mma_m16n8k16(o[3], p, low0.s3, low8.s3);
            const uint4 high0 = expand(high_halves(v0, v1));
            const uint4 high8 = expand(high_halves(v8, v9));
            o[4] = mma_m16n8k16(o[4], p, high0.s0, high8.s0);
            o[5] = mma_m16n8k16(o[5], p, high0.s1, high8.s1);
            o[6] = mma_m16n8k16(o[6], p, high0.s2, high8.s2);
            o[7] = mma_m16n8k16(o[7], p, high0.s3, high8.s3);
        }
        """,
    ];

    protected override string LoadQueries => Registers == 4
        ? """
            // Of 128 elements, 8 from 32 * (lane % 4) + 8 * i on, e and e + 4 in a register.
            uint4 query[HEAD_DIM / 16];
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d += 2)
            {
                const int piece = d / 8 * 16 + lane % 4 * 4 + d / 2 % 4;
                const uint4 q0 = memory[lane / 4 * QUERY_STRIDE + piece];
                const uint4 q1 = memory[(lane / 4 + 8) * QUERY_STRIDE + piece];
                query[d] = (uint4)(low_halves(q0.s0, q0.s2), low_halves(q1.s0, q1.s2), high_halves(q0.s0, q0.s2), high_halves(q1.s0, q1.s2));
                query[d + 1] = (uint4)(low_halves(q0.s1, q0.s3), low_halves(q1.s1, q1.s3), high_halves(q0.s1, q0.s3), high_halves(q1.s1, q1.s3));
            }
            """
        : """
            // Of 64 elements, 4 from 16 * (lane % 4) + 4 * i on.
            uint4 query[HEAD_DIM / 16];
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d++)
            {
                const int pair = d / 4 * 16 + lane % 4 * 4 + d % 4;
                const uint2 q0 = ((local const uint2*)(memory + lane / 4 * QUERY_STRIDE))[pair];
                const uint2 q1 = ((local const uint2*)(memory + (lane / 4 + 8) * QUERY_STRIDE))[pair];
                query[d] = (uint4)(q0.s0, q1.s0, q0.s1, q1.s1);
            }
            """;

    protected override string MultiplyPiece(string k, string d) => string.Join("\n", Enumerable.Range(0, 4).Select(word =>
        $"score[0][j] = multiply_register(score[0][j], query + {(Registers == 4 ? $"2 * ({d} + {word})" : $"{d} + {word}")}, {k}.s{word});"));

    protected override string MultiplyValues => $$"""
        local const uint2* const value = (local const uint2*)(warp_values + (j * 8 + lane % 4 * 2) * VALUE_PIECES) + lane / 4 * (VALUE_PIECES / 4);
        {{(ValuePieces % 8 == 0 ? PairsOfHalves : SingleHalves)}}
        """;

    private string PairsOfHalves => $$"""
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 4; c += 2)
        {
            {{ReadPairs("uint2", "(VALUE_PIECES * 2)", "halves of a piece").Replace("\n", "\n    ")}}
            multiply_columns(&output[0][c * {{Columns * 2}}], p, v0[0].s0, v0[1].s0, v0[2].s0, v0[3].s0);
            multiply_columns(&output[0][c * {{Columns * 2}} + {{Columns}}], p, v0[0].s1, v0[1].s1, v0[2].s1, v0[3].s1);
            multiply_columns(&output[0][c * {{Columns * 2}} + {{Columns * 2}}], p, v1[0].s0, v1[1].s0, v1[2].s0, v1[3].s0);
            multiply_columns(&output[0][c * {{Columns * 2}} + {{Columns * 3}}], p, v1[0].s1, v1[1].s1, v1[2].s1, v1[3].s1);
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
            multiply_columns(&output[0][c * {{Columns * 2}}], p, v0.s0, v1.s0, v8.s0, v9.s0);
            multiply_columns(&output[0][c * {{Columns * 2}} + {{Columns}}], p, v0.s1, v1.s1, v8.s1, v9.s1);
        }
        """;

    /// <summary>Columns of a value in a register of the cache.</summary>
    private int Columns => 2 * Registers;
}
