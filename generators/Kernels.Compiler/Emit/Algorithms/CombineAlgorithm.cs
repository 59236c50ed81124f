using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Merges the partial states of a row's splits: a softmax over their LSEs.</summary>
internal static class CombineAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        PlainCodec storage = context.Storage;
        ScoreRules rules = context.Rules;
        Prelude.Header(writer, context, "merge of the partial states of split keys");
        Prelude.HeadConstants(writer, spec);
        writer.Add("#define MAX_SPLITS 256 // the planner makes no more");
        writer.Add(rules.Logarithms).Line();
        Prelude.Helpers(writer, storage.StoreHelper);
        writer.Add($$"""
            kernel __attribute__((reqd_work_group_size({{context.Plan.CombineWorkGroupSize}}, 1, 1)))
            void combine(
                global const float* restrict partial_outputs, // [partial rows, KV_HEADS, VALUE_DIM]
                global const float2* restrict partial_states, // [partial rows, KV_HEADS]: {{rules.StateComment}}
                global {{storage.StorageType}}* restrict outputs, // [tokens, QUERY_HEADS, VALUE_DIM]
                global float* restrict lse, // [tokens, QUERY_HEADS]
                global const int* restrict plan,
                int rows_at{{KernelInput.EndOfParameters(spec.Sinks ? [KernelInput.Sinks] : [], " // where the rows to merge begin in the plan")}}
            {
                // Output row of the group's KV head 0, first partial row, number of splits, partial rows between splits.
                const int4 merge = vload4(get_group_id(0), plan + rows_at);
                const int kv_head = get_group_id(1);
                const long output_row = (long)merge.s0 + kv_head * GROUP;

                // The states of the splits, into local memory: they are read once, side by side.
                local float maxima[MAX_SPLITS];
                local float weights[MAX_SPLITS]; // sums at first
                for (int split = get_local_id(0); split < merge.s2; split += {{context.Plan.CombineWorkGroupSize}})
                {
                    const float2 state = partial_states[(long)(merge.s1 + split * merge.s3) * KV_HEADS + kv_head];
                    maxima[split] = state.s0;
                    weights[split] = state.s1;
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                float top = -INFINITY;
                for (int split = 0; split < merge.s2; split++)
                {
                    top = fmax(top, maxima[split]);
                }

                // A row that saw no key has only empty states: their weights must come out as 0, not as NaN.
                const float base = top == -INFINITY ? 0.0f : top;
                for (int split = get_local_id(0); split < merge.s2; split += {{context.Plan.CombineWorkGroupSize}})
                {
                    weights[split] *= exp2({{rules.Power("maxima[split]", "base")}});
                }
                barrier(CLK_LOCAL_MEM_FENCE);
                float total = 0.0f;
                for (int split = 0; split < merge.s2; split++)
                {
                    total += weights[split];
                }

                const float inverse = total == 0.0f ? 0.0f : 1.0f / {{(spec.Sinks ? $"(total + exp2({rules.SinkPower("sinks[output_row % QUERY_HEADS]", "top")}))" : "total")}};
                for (int d = get_local_id(0); d < VALUE_DIM; d += {{context.Plan.CombineWorkGroupSize}})
                {
                    float sum = 0.0f;
                    for (int split = 0; split < merge.s2; split++)
                    {
                        const long from = (long)(merge.s1 + split * merge.s3) * KV_HEADS + kv_head;
                        const float part = partial_outputs[from * VALUE_DIM + d];
                        sum += isfinite(part) ? weights[split] * inverse * part : part; // infinite it counts however small its weight
                    }
                    {{storage.Store("outputs + output_row * VALUE_DIM + d", "sum")}}
                }

                if (get_local_id(0) == 0)
                {
                    lse[output_row] = total == 0.0f ? -INFINITY : {{rules.Natural("top")}} + log(total);
                }
            }
            """);
    }
}
