using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <content>Few rows: their keys are shared out over warps and over work-groups, whose states are merged at the end.</content>
internal abstract partial class NvidiaFlash
{
    /// <summary>Constants of a tile of one block of rows, whose keys the warps share out.</summary>
    protected static string FewRowsConstants(NvidiaTile tile) => $"""
        #define ROW_BLOCKS 1 // blocks of 16 rows
        #define WARPS_ALONG_ROWS 1
        {WarpConstants(tile)}
        #define KEY_BLOCKS (WARP_KEYS / 8) // blocks of 16 x 8 scores
        #define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs
        """;

    /// <summary>Constants of warps that share out keys.</summary>
    protected static string WarpConstants(NvidiaTile tile) => $"""
        #define WARPS_ALONG_KEYS {tile.WarpsAlongKeys} // each has a part of the tile's keys
        #define WORK_GROUP (32 * WARPS_ALONG_KEYS){(tile.CopyWarps > 0 ? " // those that hold rows" : "")}
        #define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
        #define STAGES {tile.Stages} // tiles in local memory: one in use, the others on their way
        """;

    /// <summary>The functions of <see cref="MergeWarps"/>.</summary>
    protected static string MergeFunctions => NvidiaPtx.DeviceFence;

    /// <summary>Statements: this work-item's part of the states of its warp goes to <c>states</c>.</summary>
    protected virtual string StoreStates => $$"""
        #pragma unroll
        for (int r = 0; r < 2; r++)
        {
            local float* const state = states + ((thread / 32) / WARPS_ALONG_ROWS * ROWS + warp_row + lane / 4 + r * 8) * (VALUE_DIM + 2);
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                state[{{Column("0")}}] = r == 0 ? output[0][c].s0 : output[0][c].s2;
                state[{{Column("1")}}] = r == 0 ? output[0][c].s1 : output[0][c].s3;
            }
            if (lane % 4 == 0)
            {
                state[VALUE_DIM] = row_max[0][r];
                state[VALUE_DIM + 1] = row_sum[0][r];
            }
        }
        """;

    /// <summary>The warps along the keys have a state of the same rows each: one softmax over them, through local memory.</summary>
    protected void MergeWarps(CodeWriter writer)
    {
        writer.Add($$"""
            // Each warp along the keys has a state of its own of the same rows: put them side by side and merge them.
            local float* const states = (local float*)memory; // [WARPS_ALONG_KEYS][ROWS][VALUE_DIM + 2]: output, maximum, sum
            {{RowBarrier}}
            {{StoreStates}}
            {{RowBarrier}}
            """);
        writer.Open("for (int row_of_item = thread / 32; row_of_item < item.row_count; row_of_item += WORK_GROUP / 32)");
        ScoreRules rules = context.Rules;
        writer.Add($$"""
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
                weight[w] = maximum == -INFINITY ? 0.0f : exp2_fast({{rules.Power("state[VALUE_DIM]", "maximum")}});
                sum += weight[w] * state[VALUE_DIM + 1];
            }
            """);
        writer.Add("float zero = 0.0f; // NaN if something is not finite");
        StoreRow(writer, "lane == 0", () => writer.Add($$"""
            for (int d = lane; d < VALUE_DIM; d += 32)
            {
                float o = 0.0f;
                for (int w = 0; w < WARPS_ALONG_KEYS; w++)
                {
                    o += weight[w] * states[(w * ROWS + row_of_item) * (VALUE_DIM + 2) + d];
                }
                zero += o * 0.0f;
                if (is_final)
                {
                    {{context.Storage.Store("outputs + to * VALUE_DIM + d", "o * inverse")}}
                }
                else
                {
                    partial_outputs[to * VALUE_DIM + d] = o * inverse;
                }
            }
            """));
        writer.Add("warp_barrier();");
        WriteExactRow(writer, $"ballot(isnan(zero){OrIsLarge}) != 0");
        writer.Close();
        MergeSplits(writer);
    }

    /// <summary>The work-group that ends last of an item's splits merges their states, from the first to the last whoever that is.</summary>
    private void MergeSplits(CodeWriter writer)
    {
        writer.Line();
        writer.Open("if (item.splits > 0)");
        writer.Add($$"""
            // The last work-group of the splits merges them.
            local int* const is_last = (local int*)memory;
            fence_device();
            {{RowBarrier}}
            if (thread == 0)
            {
                global int* const ended = merge_counters + (long)item.first_partial_row * KV_HEADS + kv_head;
                *is_last = atomic_inc(ended) == item.splits - 1;
                if (*is_last)
                {
                    *ended = 0; // for the next launch
                }
            }
            {{RowBarrier}}
            if (!*is_last)
            {
                return;
            }
            fence_device();
            """);
        writer.Open("for (int row_of_item = thread / 32; row_of_item < item.row_count; row_of_item += WORK_GROUP / 32)");
        ScoreRules rules = context.Rules;
        string denominator = Spec.Sinks ? $"(total + exp2({rules.SinkPower("sinks[kv_head * GROUP + (item.first_row + row_of_item) % GROUP]", "top")}))" : "total";
        writer.Add($$"""
            global const float2* const states_of_row = partial_states + (long)(item.first_partial_row + row_of_item) * KV_HEADS + kv_head;
            global const float* const outputs_of_row = partial_outputs + ((long)(item.first_partial_row + row_of_item) * KV_HEADS + kv_head) * VALUE_DIM;
            const long stride = (long)item.row_count * KV_HEADS; // from one split to the next
            float top = -INFINITY;
            for (int split = lane; split < item.splits; split += 32)
            {
                top = fmax(top, states_of_row[split * stride].s0);
            }
            top = warp_maximum(top);

            // A row that saw no key has only empty states: their weights must come out as 0, not as NaN.
            const float base = top == -INFINITY ? 0.0f : top;
            float total = 0.0f;
            for (int split = lane; split < item.splits; split += 32)
            {
                total += exp2_fast({{rules.Power("states_of_row[split * stride].s0", "base")}}) * states_of_row[split * stride].s1;
            }
            total = warp_total(total);
            const float inverse = total == 0.0f ? 0.0f : 1.0f / {{denominator}};
            const long to = packed_row(item, kv_head, row_of_item);
            for (int d = lane * 4; d < VALUE_DIM; d += 128)
            {
                float4 o = (float4)(0.0f);
                #pragma unroll 8
                for (int split = 0; split < item.splits; split++)
                {
                    const float2 state = states_of_row[split * stride];
                    const float4 part = vload4(0, outputs_of_row + split * stride * VALUE_DIM + d);
                    const float4 weighted = exp2_fast({{rules.Power("state.s0", "base")}}) * state.s1 * inverse * part;
                    o += select(part, weighted, isfinite(part)); // infinite it counts however small its weight
                }
                *(global uint2*)(outputs + to * VALUE_DIM + d) = (uint2)(pack(o.s0, o.s1), pack(o.s2, o.s3));
            }
            if (lane == 0)
            {
                lse[to] = total == 0.0f ? -INFINITY : {{rules.Natural("top")}} + log(total);
            }
            """);
        writer.Close().Close();
    }
}
