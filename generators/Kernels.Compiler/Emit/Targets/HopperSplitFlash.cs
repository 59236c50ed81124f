using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Few query rows over a cache of 16-bit elements that a warp of its own copies in bulk. Copies are fastest where rows lie in
/// local memory as they are in the cache; there ldmatrix would read eight pieces of the same banks. So fragments are made of
/// whole pieces of 16 bytes: they may have the elements of a key, or the columns of a value, in any order that the other
/// factor shares.
/// </summary>
internal sealed class HopperSplitFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    private readonly HopperBulkTiles tiles = new(context, tile, spreads: false);

    public override TilePlan Tile => tile;

    protected override string FirstKey => tiles.FirstKey;

    protected override string KeyStep => tiles.KeyStep;

    protected override string RowBarrier => "row_barrier();";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * QUERY_STRIDE) + {d}";

    /// <summary>Output block c has column c of each work-item's adjacent columns.</summary>
    protected override string Column(string element) => $"(lane % 4 * 2 + {element}) * VALUE_BLOCKS + c";

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define ROW_BLOCKS 1 // blocks of 16 rows
        #define WARPS_ALONG_ROWS 1
        #define WARPS_ALONG_KEYS {tile.WarpsAlongKeys} // each has a part of the tile's keys
        #define WORK_GROUP (32 * WARPS_ALONG_KEYS) // those that hold rows
        #define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
        #define STAGES {tile.Stages} // tiles in local memory: one in use, the others on their way
        #define KEY_BLOCKS (WARP_KEYS / 8) // blocks of 16 x 8 scores
        #define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs
        {tiles.Layout}
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        if (Context.Rules.NeedsRows)
        {
            LaneVocabulary.Declare(writer, 1, Spec);
        }

        Prelude.Helpers(
            writer,
            [
                .. tiles.Functions,
                NvidiaPtx.Multiply(Element),
                NvidiaPtx.Softmax(Element),
                MergeFunctions,
                NvidiaPtx.Halves,
                """
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
            ]);
    }

    public override void Begin(CodeWriter writer)
    {
        tiles.Begin(writer);
        writer.Add($$"""
            {{CopyQueries("(r * QUERY_STRIDE + piece) * 16")}}
            asm volatile("cp.async.wait_all;");
            row_barrier();
            {{TurnQueries()}}
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

            """);
        BeginRows(writer);
        writer.Add("""
            int stage = 0;
            uint parity = 0;
            """);
    }

    public override void Scores(CodeWriter writer)
    {
        tiles.Take(writer);
        writer.Add("""
            float4 score[1][KEY_BLOCKS];
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                score[0][j] = (float4)(0.0f);
            }
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d += 4)
            {
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    // Two pieces of 64 elements; odd keys have them in the other order, so that a warp reads all banks at a time.
                    local const uint4* const key = tile + (warp_key + j * 8 + lane / 4) * KEY_PIECES + d * 2;
                    const uint4 x = key[lane % 8];
                    const uint4 y = key[(lane + 4) % 8];
                    const uint4 k0 = lane & 4 ? y : x;
                    const uint4 k1 = lane & 4 ? x : y;
                    score[0][j] = mma_m16n8k16(score[0][j], query[d], k0.s0, k0.s1);
                    score[0][j] = mma_m16n8k16(score[0][j], query[d + 1], k0.s2, k0.s3);
                    score[0][j] = mma_m16n8k16(score[0][j], query[d + 2], k1.s0, k1.s1);
                    score[0][j] = mma_m16n8k16(score[0][j], query[d + 3], k1.s2, k1.s3);
                }
            }

            """);
    }

    public override void Accumulate(CodeWriter writer)
    {
        writer.Add($$"""
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j += 2)
            {
                // Two blocks of probabilities are one fragment of the next multiplication, as they lie. This work-item has some
                // adjacent columns of the keys that its probabilities are of.
                uint4 p;
                {{Fragment("p", "0", "j", "j + 1").Replace("\n", "\n    ")}}
                local const uint4* const value = tile + STRIPS * KEY_STRIP + (warp_key + j * 8 + lane % 4 * 2) * VALUE_PIECES + lane / 4 * (VALUE_PIECES / 8);
                {{(Spec.ResolvedValueDim % 128 == 0 ? PairsOfPieces : SinglePieces).Replace("\n", "\n    ")}}
            }
            """);
        HopperBulkTiles.Release(writer);
    }

    private const string PairsOfPieces = """
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES / 8; c += 2)
        {
            // Odd work-items have the two pieces in the other order, so that fewer read the same banks at a time.
            uint4 v0[4];
            uint4 v1[4];
            #pragma unroll
            for (int k = 0; k < 4; k++)
            {
                local const uint4* const row = value + (k % 2 + k / 2 * 8) * VALUE_PIECES + c;
                const uint4 x = row[lane & 1];
                const uint4 y = row[1 - (lane & 1)];
                v0[k] = lane & 1 ? y : x;
                v1[k] = lane & 1 ? x : y;
            }
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

    public override void Finish(CodeWriter writer)
    {
        TotalRows(writer);
        MergeWarps(writer);
    }
}
