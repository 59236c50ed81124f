using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over a cache of 16-bit elements.</summary>
internal sealed class HopperSplitFlash(KernelContext context, NvidiaTile tile) : HopperBulkFlash(context, tile)
{
    protected override string[] Functions =>
    [
        NvidiaPtx.Halves,
        """
        // Two keys of a column and two others of it, and the same of the next column: half of each register that this work-item has of them.
        static uint4 columns(uint v0, uint v1, uint v8, uint v9)
        {
            return (uint4)(low_halves(v0, v1), high_halves(v0, v1), low_halves(v8, v9), high_halves(v8, v9));
        }

        // Outputs += probabilities times the eight columns that this work-item has of four keys.
        static void multiply_columns(float4 (*o)[ROW_BLOCKS], const uint2* p, uint4 v0, uint4 v1, uint4 v8, uint4 v9, int row_count)
        {
            multiply_rows(o[0], columns(v0.s0, v1.s0, v8.s0, v9.s0), p, row_count);
            multiply_rows(o[1], columns(v0.s1, v1.s1, v8.s1, v9.s1), p, row_count);
            multiply_rows(o[2], columns(v0.s2, v1.s2, v8.s2, v9.s2), p, row_count);
            multiply_rows(o[3], columns(v0.s3, v1.s3, v8.s3, v9.s3), p, row_count);
        }
        """,
    ];

    protected override string LoadQueries => """
        // Of 32 elements, 8 from 8 * (lane % 4) on.
        uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d += 2)
            {
                const uint4 q = memory[(b * 8 + lane / 4) * QUERY_STRIDE + d * 2 + lane % 4];
                query[d][b] = q.lo;
                query[d + 1][b] = q.hi;
            }
        }
        """;

    protected override string MultiplyPiece(string k0, string k8, string d) => $"""
        multiply_rows(score[j], (uint4)({k0}.s0, {k8}.s0, {k0}.s1, {k8}.s1), query[({d}) / 2], item.row_count);
        multiply_rows(score[j], (uint4)({k0}.s2, {k8}.s2, {k0}.s3, {k8}.s3), query[({d}) / 2 + 1], item.row_count);
        """;

    protected override string MultiplyValues => $$"""
        local const uint4* const value = warp_values + (j * 16 + lane % 4 * 2) * VALUE_PIECES + lane / 4 * (VALUE_PIECES / 8);
        {{(ValuePieces % 16 == 0 ? PairsOfPieces : SinglePieces)}}
        """;

    private static string PairsOfPieces => $$"""
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 8; c += 2)
        {
            {{ReadPairs("uint4", "VALUE_PIECES", "pieces").Replace("\n", "\n    ")}}
            multiply_columns(&output[c * 4], p[j], v0[0], v0[1], v0[2], v0[3], item.row_count);
            multiply_columns(&output[c * 4 + 4], p[j], v1[0], v1[1], v1[2], v1[3], item.row_count);
        }
        """;

    private const string SinglePieces = """
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 8; c++)
        {
            multiply_columns(&output[c * 4], p[j], value[c], value[VALUE_PIECES + c], value[8 * VALUE_PIECES + c], value[9 * VALUE_PIECES + c], item.row_count);
        }
        """;
}
