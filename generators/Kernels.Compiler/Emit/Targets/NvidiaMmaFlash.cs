using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// A warp multiplies 16 query rows with its keys by mma.m16n8k16. Work-item l of a warp holds, of each 16 × 8 block of
/// scores or outputs, the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8. Keys and values are copied
/// to local memory some tiles ahead.
/// </summary>
internal sealed class NvidiaMmaFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override bool CanLeaveOutTiles => false;

    private bool SplitsKeys => tile.WarpsAlongKeys > 1;

    protected override string FirstKeyOfBlock => "first_key + warp_key + j * 8";

    protected override string RowBarrier => "barrier(CLK_LOCAL_MEM_FENCE);";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * KEY_STRIDE) + {d}";

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define WARPS_ALONG_ROWS {tile.WarpsAlongRows}
        #define ROW_BLOCKS (ROWS / WARPS_ALONG_ROWS / 16) // blocks of 16 rows of a warp
        #define WARPS_ALONG_KEYS {tile.WarpsAlongKeys} // each has a part of the tile's keys
        #define WORK_GROUP (32 * WARPS_ALONG_ROWS * WARPS_ALONG_KEYS)
        #define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
        #define STAGES {tile.Stages} // tiles in local memory: one in use, the others on their way
        #define KEY_BLOCKS (WARP_KEYS / 8) // blocks of 16 x 8 scores
        #define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs

        // Of a row in local memory, in pieces of 16 bytes; odd, so that the rows that ldmatrix reads begin in different banks.
        #define KEY_STRIDE {NvidiaPlanner.Stride16(Spec.HeadDim)}
        #define VALUE_STRIDE {NvidiaPlanner.Stride16(Spec.ResolvedValueDim)}
        #define STAGE_SIZE (KEYS * (KEY_STRIDE + VALUE_STRIDE))
        #define LOCAL_SIZE {tile.LocalBytes / 16} // queries and stages, or the states that are merged after them
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        if (Context.Rules.NeedsRows)
        {
            LaneVocabulary.Declare(writer, 1, Spec);
        }

        Prelude.Helpers(writer, NvidiaPtx.Copy, NvidiaPtx.CopyGroups, NvidiaPtx.LoadMatrix, NvidiaPtx.Multiply(Element), NvidiaPtx.Softmax(Element));
    }

    /// <summary>Whether the queries' fragments stay in registers; wide heads leave no room for them, and they are read again for each tile.</summary>
    private bool HoldsQueries => tile.Rows / tile.WarpsAlongRows / NvidiaPlanner.BlockRows * Spec.HeadDim <= 128;

    private static string LoadQuery(string block, string d) =>
        $"ldmatrix_x4(queries_at + ((warp_row + {block} * 16 + lane % 16) * KEY_STRIDE + {d} * 2 + lane / 16) * 16)";

    public override void Begin(CodeWriter writer)
    {
        string arrived = HoldsQueries || Context.Rope.IsOn
            ? """
                close_copies();
                asm volatile("cp.async.wait_all;");
                barrier(CLK_LOCAL_MEM_FENCE);

                """
            : "";
        string held = HoldsQueries
            ? $$"""
                uint4 query[ROW_BLOCKS][HEAD_DIM / 16];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    #pragma unroll
                    for (int d = 0; d < HEAD_DIM / 16; d++)
                    {
                        query[b][d] = {{LoadQuery("b", "d")}};
                    }
                }

                """
            : "";
        writer.Add($$"""
            local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
            const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
            const uint tiles_at = queries_at + ROWS * KEY_STRIDE * 16;
            const int thread = get_local_id(0);
            const int lane = thread % 32;
            const int warp_row = (thread / 32) % WARPS_ALONG_ROWS * ROW_BLOCKS * 16;
            const int warp_key = (thread / 32) / WARPS_ALONG_ROWS * WARP_KEYS;
            for (int i = thread; i < ROWS * (HEAD_DIM / 8); i += WORK_GROUP)
            {
                const int r = i / (HEAD_DIM / 8);
                const int piece = i % (HEAD_DIM / 8);
                global const {{Context.Storage.StorageType}}* from = queries + packed_row(item, kv_head, min(r, item.row_count - 1)) * HEAD_DIM + piece * 8;
                copy_16(queries_at + (r * KEY_STRIDE + piece) * 16, from, r < item.row_count);
            }

            {{arrived}}{{TurnQueries()}}{{held}}
            """);
        BeginRows(writer);
        writer.Add("int stage = 0;");
        writer.Open("for (int ahead = 0; ahead < STAGES - 1; ahead++)");
        CopyTile(writer, "ahead", "item.kv_begin + ahead * KEYS");
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add("""
            wait_copies();
            barrier(CLK_LOCAL_MEM_FENCE); // this tile is there for all, and the one before is no longer read
            """);
        writer.Open();
        CopyTile(writer, "(stage + STAGES - 1) % STAGES", "first_key + (STAGES - 1) * KEYS");
        writer.Close();
        writer.Add($$"""
            const uint keys_at = tiles_at + (stage * STAGE_SIZE + warp_key * KEY_STRIDE) * 16;
            const uint values_at = tiles_at + (stage * STAGE_SIZE + KEYS * KEY_STRIDE + warp_key * VALUE_STRIDE) * 16;
            stage = (stage + 1) % STAGES;

            float4 score[ROW_BLOCKS][KEY_BLOCKS];
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    score[b][j] = (float4)(0.0f);
                }
            }
            #pragma unroll
            for (int d = 0; d < HEAD_DIM / 16; d++)
            {
                uint4 q[ROW_BLOCKS];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    q[b] = {{(HoldsQueries ? "query[b][d]" : LoadQuery("b", "d"))}};
                }
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j += 2)
                {
                    const uint4 k = ldmatrix_x4(keys_at + ((j * 8 + lane / 16 * 8 + lane % 8) * KEY_STRIDE + d * 2 + lane / 8 % 2) * 16);
                    #pragma unroll
                    for (int b = 0; b < ROW_BLOCKS; b++)
                    {
                        score[b][j] = mma_m16n8k16(score[b][j], q[b], k.s0, k.s1);
                        score[b][j + 1] = mma_m16n8k16(score[b][j + 1], q[b], k.s2, k.s3);
                    }
                }
            }

            """);
    }

    public override void Softmax(CodeWriter writer)
    {
        // The scale is part of the exponent's multiply-add, unless the spec's steps have applied it.
        string scaled = Context.Rules.Transforms ? "" : " * SCALE";
        writer.Add($$"""

            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                float top0 = -INFINITY;
                float top1 = -INFINITY;
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    top0 = fmax(top0, fmax(score[b][j].s0, score[b][j].s1));
                    top1 = fmax(top1, fmax(score[b][j].s2, score[b][j].s3));
                }
                top0 = fmax(row_max[b][0], row_maximum(top0){{scaled}});
                top1 = fmax(row_max[b][1], row_maximum(top1){{scaled}});

                // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
                const float base0 = top0 == -INFINITY ? 0.0f : top0;
                const float base1 = top1 == -INFINITY ? 0.0f : top1;
                const float rescale0 = exp2_fast(row_max[b][0] - base0);
                const float rescale1 = exp2_fast(row_max[b][1] - base1);
                row_max[b][0] = top0;
                row_max[b][1] = top1;
                row_sum[b][0] *= rescale0;
                row_sum[b][1] *= rescale1;
                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    output[b][c].lo *= rescale0;
                    output[b][c].hi *= rescale1;
                }
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    score[b][j].s0 = exp2_fast(score[b][j].s0{{scaled}} - base0);
                    score[b][j].s1 = exp2_fast(score[b][j].s1{{scaled}} - base0);
                    score[b][j].s2 = exp2_fast(score[b][j].s2{{scaled}} - base1);
                    score[b][j].s3 = exp2_fast(score[b][j].s3{{scaled}} - base1);
                    row_sum[b][0] += score[b][j].s0 + score[b][j].s1;
                    row_sum[b][1] += score[b][j].s2 + score[b][j].s3;
                }
            }

            """);
    }

    public override void Accumulate(CodeWriter writer) => writer.Add("""
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j += 2)
        {
            // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
            uint4 p[ROW_BLOCKS];
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                p[b].s0 = pack(score[b][j].s0, score[b][j].s1);
                p[b].s1 = pack(score[b][j].s2, score[b][j].s3);
                p[b].s2 = pack(score[b][j + 1].s0, score[b][j + 1].s1);
                p[b].s3 = pack(score[b][j + 1].s2, score[b][j + 1].s3);
            }
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c += 2)
            {
                const uint4 v = ldmatrix_x4_transposed(values_at + ((j * 8 + lane % 16) * VALUE_STRIDE + c + lane / 16) * 16);
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    output[b][c] = mma_m16n8k16(output[b][c], p[b], v.s0, v.s1);
                    output[b][c + 1] = mma_m16n8k16(output[b][c + 1], p[b], v.s2, v.s3);
                }
            }
        }
        """);

    public override void Finish(CodeWriter writer)
    {
        writer.Add("""
            asm volatile("cp.async.wait_all;");
            """);
        TotalRows(writer);
        if (SplitsKeys)
        {
            MergeWarps(writer);
        }
        else
        {
            StoreRows(writer);
        }
    }

    /// <summary>The warps along the keys have a state of the same rows each: one softmax over them, through local memory.</summary>
    private void MergeWarps(CodeWriter writer)
    {
        writer.Add("""
            // Each warp along the keys has a state of its own of the same rows: put them side by side and merge them.
            local float* const states = (local float*)memory; // [WARPS_ALONG_KEYS][ROWS][VALUE_DIM + 2]: output, maximum, sum
            barrier(CLK_LOCAL_MEM_FENCE);
            #pragma unroll
            for (int r = 0; r < 2; r++)
            {
                local float* const state = states + ((thread / 32) / WARPS_ALONG_ROWS * ROWS + warp_row + lane / 4 + r * 8) * (VALUE_DIM + 2);
                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    state[c * 8 + lane % 4 * 2] = r == 0 ? output[0][c].s0 : output[0][c].s2;
                    state[c * 8 + lane % 4 * 2 + 1] = r == 0 ? output[0][c].s1 : output[0][c].s3;
                }
                if (lane % 4 == 0)
                {
                    state[VALUE_DIM] = row_max[0][r];
                    state[VALUE_DIM + 1] = row_sum[0][r];
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            """);
        writer.Open("for (int row_of_item = thread / 32; row_of_item < item.row_count; row_of_item += WORK_GROUP / 32)");
        writer.Add("""
            float maximum = -INFINITY;
            for (int w = 0; w < WARPS_ALONG_KEYS; w++)
            {
                maximum = fmax(maximum, states[(w * ROWS + row_of_item) * (VALUE_DIM + 2) + VALUE_DIM]);
            }
            float weight[WARPS_ALONG_KEYS];
            float sum = 0.0f;
            for (int w = 0; w < WARPS_ALONG_KEYS; w++)
            {
                local const float* const state = states + (w * ROWS + row_of_item) * (VALUE_DIM + 2);
                weight[w] = maximum == -INFINITY ? 0.0f : exp2_fast(state[VALUE_DIM] - maximum);
                sum += weight[w] * state[VALUE_DIM + 1];
            }
            """);
        StoreRow(writer, "lane == 0", () => writer.Add($$"""
            for (int d = lane; d < VALUE_DIM; d += 32)
            {
                float o = 0.0f;
                for (int w = 0; w < WARPS_ALONG_KEYS; w++)
                {
                    o += weight[w] * states[(w * ROWS + row_of_item) * (VALUE_DIM + 2) + d];
                }
                if (is_final)
                {
                    {{Context.Storage.Store("outputs + to * VALUE_DIM + d", "o * inverse")}}
                }
                else
                {
                    partial_outputs[to * VALUE_DIM + d] = o * inverse;
                }
            }
            """));
        writer.Close();
    }

    /// <summary>Starts the copies of a tile's keys and values into a stage; past the last key nothing is copied, but the group is closed all the same.</summary>
    private void CopyTile(CodeWriter writer, string stage, string firstKey)
    {
        writer.Add($$"""
            const int copy_key = {{firstKey}};
            const uint copy_to = tiles_at + ({{stage}}) * STAGE_SIZE * 16;
            if (copy_key < item.kv_end)
            {
                #pragma unroll 4
                for (int i = thread; i < KEYS * (HEAD_DIM / 8); i += WORK_GROUP)
                {
                    const int r = i / (HEAD_DIM / 8);
                    const int piece = i % (HEAD_DIM / 8);
                    const int key = min(copy_key + r, item.kv_end - 1);
                    copy_16(copy_to + (r * KEY_STRIDE + piece) * 16, keys + key_row(sequence, kv_head, key, {{Context.Addressing.Arguments}}) + piece * 8, copy_key + r < item.kv_end);
                }
                #pragma unroll 4
                for (int i = thread; i < KEYS * (VALUE_DIM / 8); i += WORK_GROUP)
                {
                    const int r = i / (VALUE_DIM / 8);
                    const int piece = i % (VALUE_DIM / 8);
                    const int key = min(copy_key + r, item.kv_end - 1);
                    copy_16(copy_to + (KEYS * KEY_STRIDE + r * VALUE_STRIDE + piece) * 16, values + value_row(sequence, kv_head, key, {{Context.Addressing.Arguments}}) + piece * 8, copy_key + r < item.kv_end);
                }
            }
            close_copies();
            """);
    }
}
