//: # The work-group that ends last of a work tile's splits merges their states, from the first to the last whoever that is.
if (work.splits > 0)
{
    // The last work-group of the splits merges them.
    local int* const is_last = (local int*)memory;
    fence_device();
    ${row_barrier}
    if (thread == 0)
    {
        global int* const ended = merge_counters + (long)work.first_partial_row * KV_HEADS + kv_head;
        *is_last = atomic_inc(ended) == work.splits - 1;
        if (*is_last)
        {
            *ended = 0; // for the next launch
        }
    }
    ${row_barrier}
    if (!*is_last)
    {
        return;
    }
    fence_device();
    for (int row_of_work = thread / 32; row_of_work < work.row_count; row_of_work += WORK_GROUP / 32)
    {
        const long first = (long)(work.first_partial_row + row_of_work) * KV_HEADS + kv_head; // the row's state of the first split
        global const float2* const states_of_row = partial_states + first;
        global const float* const outputs_of_row = partial_outputs + first * VALUE_DIM;
        const long stride = (long)work.row_count * KV_HEADS; // from one split to the next
        float top = -INFINITY;
        for (int split = lane; split < work.splits; split += 32)
        {
            top = fmax(top, states_of_row[split * stride].s0);
        }
        top = warp_maximum(top);

        // A row that saw no key has only empty states: their weights must come out as 0, not as NaN.
        const float base = top == -INFINITY ? 0.0f : top;
        float total = 0.0f;
        for (int split = lane; split < work.splits; split += 32)
        {
            total += exp2_fast(${power(states_of_row[split * stride].s0, base)}) * states_of_row[split * stride].s1;
        }
        total = warp_total(total);
        //: if sinks
        const float inverse = total == 0.0f
            ? 0.0f
            : 1.0f / (total + exp2(${sink_power(sinks[kv_head * GROUP + (work.first_row + row_of_work) % GROUP], top)}));
        //: else
        const float inverse = total == 0.0f ? 0.0f : 1.0f / total;
        //: end
        const long to = packed_row(work, kv_head, row_of_work);
        for (int d = lane * 4; d < VALUE_DIM; d += 128)
        {
            float4 o = (float4)(0.0f);
            #pragma unroll 8
            for (int split = 0; split < work.splits; split++)
            {
                const float2 state = states_of_row[split * stride];
                const float4 part = vload4(0, outputs_of_row + split * stride * VALUE_DIM + d);
                const float4 weighted = exp2_fast(${power(state.s0, base)}) * state.s1 * inverse * part;
                o += select(part, weighted, isfinite(part)); // infinite it counts however small its weight
            }
            *(global uint2*)(outputs + to * VALUE_DIM + d) = (uint2)(pack(o.s0, o.s1), pack(o.s2, o.s3));
        }
        if (lane == 0)
        {
            lse[to] = total == 0.0f ? -INFINITY : ${natural(top)} + log(total);
        }
    }
}
