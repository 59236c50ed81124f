using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over a cache of 16-bit elements.</summary>
internal sealed class HopperSplitFlash(KernelContext context, NvidiaTile tile) : HopperBulkFlash(context, tile)
{
    protected override string[] Functions =>
    [
        NvidiaPtx.Halves,
        """
        // c += a (16 x 32) times the eight elements of each key that this work-item has in a piece.
        static float4 multiply_piece(float4 c, uint4 a0, uint4 a1, uint4 piece)
        {
            return mma_m16n8k16(mma_m16n8k16(c, a0, piece.s0, piece.s1), a1, piece.s2, piece.s3);
        }

        // Eight blocks of outputs += p times the eight columns that this work-item has of four keys.
        static void multiply_columns(float4* o, uint4 p, uint4 v0, uint4 v1, uint4 v8, uint4 v9)
        {
            o[0] = mma_m16n8k16(o[0], p, low_halves(v0.s0, v1.s0), low_halves(v8.s0, v9.s0));
            o[1] = mma_m16n8k16(o[1], p, high_halves(v0.s0, v1.s0), high_halves(v8.s0, v9.s0));
            o[2] = mma_m16n8k16(o[2], p, low_halves(v0.s1, v1.s1), low_halves(v8.s1, v9.s1));
            o[3] = mma_m16n8k16(o[3], p, high_halves(v0.s1, v1.s1), high_halves(v8.s1, v9.s1));
            o[4] = mma_m16n8k16(o[4], p, low_halves(v0.s2, v1.s2), low_halves(v8.s2, v9.s2));
            o[5] = mma_m16n8k16(o[5], p, high_halves(v0.s2, v1.s2), high_halves(v8.s2, v9.s2));
            o[6] = mma_m16n8k16(o[6], p, low_halves(v0.s3, v1.s3), low_halves(v8.s3, v9.s3));
            o[7] = mma_m16n8k16(o[7], p, high_halves(v0.s3, v1.s3), high_halves(v8.s3, v9.s3));
        }
        """,
    ];

    protected override string LoadQueries => """
        // Of 32 elements, 8 from 8 * (lane % 4) on.
        uint4 query[HEAD_DIM / 16];
        #pragma unroll
        for (int d = 0; d < HEAD_DIM / 16; d += 2)
        {
            const uint4 q0 = memory[lane / 4 * QUERY_STRIDE + d * 2 + lane % 4];
            const uint4 q1 = memory[(lane / 4 + 8) * QUERY_STRIDE + d * 2 + lane % 4];
            query[d] = (uint4)(q0.s0, q1.s0, q0.s1, q1.s1);
            query[d + 1] = (uint4)(q0.s2, q1.s2, q0.s3, q1.s3);
        }
        """;

    protected override string MultiplyPiece(string k, string d) =>
        $"score[0][j] = multiply_piece(score[0][j], query[({d}) / 2], query[({d}) / 2 + 1], {k});";

    protected override string MultiplyValues => $$"""
        local const uint4* const value = warp_values + (j * 8 + lane % 4 * 2) * VALUE_PIECES + lane / 4 * (VALUE_PIECES / 8);
        {{(ValuePieces % 16 == 0 ? PairsOfPieces : SinglePieces)}}
        """;

    private static string PairsOfPieces => $$"""
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 8; c += 2)
        {
            {{ReadPairs("uint4", "VALUE_PIECES", "pieces").Replace("\n", "\n    ")}}
            multiply_columns(&output[0][c * 8], p, v0[0], v0[1], v0[2], v0[3]);
            multiply_columns(&output[0][c * 8 + 8], p, v1[0], v1[1], v1[2], v1[3]);
        }
        """;

    private const string SinglePieces = """
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 8; c++)
        {
            multiply_columns(&output[0][c * 8], p, value[c], value[VALUE_PIECES + c], value[8 * VALUE_PIECES + c], value[9 * VALUE_PIECES + c]);
        }
        """;
}
