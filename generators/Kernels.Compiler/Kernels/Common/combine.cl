//: # Merges the partial states of a row's splits: a softmax over their maxima and sums.
//: include header(what: merge of the partial states of split keys)
#define MAX_SPLITS ${max_splits} // the planner makes no more
//: include logarithms

//: once ${store_function}
kernel __attribute__((reqd_work_group_size(${combine_work_group}, 1, 1)))
void ${entry}(
    ${parameters}
{
    // Output row of the group's KV head 0, first partial row, number of splits, partial rows between splits.
    const int4 merge = vload4(get_group_id(0), plan + rows_at);
    const int kv_head = get_group_id(1);
    const long output_row = (long)merge.s0 + kv_head * GROUP;

    // The states of the splits, into local memory: they are read once, side by side.
    local float maxima[MAX_SPLITS];
    local float weights[MAX_SPLITS]; // sums at first
    for (int split = get_local_id(0); split < merge.s2; split += ${combine_work_group})
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
    for (int split = get_local_id(0); split < merge.s2; split += ${combine_work_group})
    {
        weights[split] *= exp2(${power(maxima[split], base)});
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float total = 0.0f;
    for (int split = 0; split < merge.s2; split++)
    {
        total += weights[split];
    }

    //: if sinks
    const float inverse = total == 0.0f ? 0.0f : 1.0f / (total + exp2(${sink_power(sinks[output_row % QUERY_HEADS], top)}));
    //: else
    const float inverse = total == 0.0f ? 0.0f : 1.0f / total;
    //: end
    for (int d = get_local_id(0); d < VALUE_DIM; d += ${combine_work_group})
    {
        float sum = 0.0f;
        for (int split = 0; split < merge.s2; split++)
        {
            const long from = (long)(merge.s1 + split * merge.s3) * KV_HEADS + kv_head;
            const float part = partial_outputs[from * VALUE_DIM + d];
            sum += isfinite(part) ? weights[split] * inverse * part : part; // infinite it counts however small its weight
        }
        ${store(outputs + output_row * VALUE_DIM + d, sum)}
    }

    if (get_local_id(0) == 0)
    {
        lse[output_row] = total == 0.0f ? -INFINITY : ${natural(top)} + log(total);
    }
}
