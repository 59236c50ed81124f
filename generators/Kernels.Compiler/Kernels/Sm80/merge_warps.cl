//: # The warps along the keys have a state of the same rows each: one softmax over them, through local memory. Then the last work-group
//: # of the work tile's splits merges those. Holes: store_states, a step that puts this work-item's part of its warp's state to 'states';
//: # row_barrier, at which the work-items that hold rows wait for one another.
// Each warp along the keys has a state of its own of the same rows: put them side by side and merge them.
local float* const states = (local float*)memory; // [WARPS_ALONG_KEYS][ROWS][VALUE_DIM + 2]: output, maximum, sum
${row_barrier}
//: include ${store_states}
${row_barrier}
for (int row_of_work = thread / 32; row_of_work < work.row_count; row_of_work += WORK_GROUP / 32)
{
    float maximum = -INFINITY;
    for (int w = 0; w < WARPS_ALONG_KEYS; w++)
    {
        maximum = fmax(maximum, states[(w * ROWS + row_of_work) * (VALUE_DIM + 2) + VALUE_DIM]);
    }
    float weight[WARPS_ALONG_KEYS];
    float sum = 0.0f;
    for (int w = 0; w < WARPS_ALONG_KEYS; w++)
    {
        local const float* const state = states + (w * ROWS + row_of_work) * (VALUE_DIM + 2);
        weight[w] = maximum == -INFINITY ? 0.0f : exp2_fast(${power(state[VALUE_DIM], maximum)});
        sum += weight[w] * state[VALUE_DIM + 1];
    }
    float zero = 0.0f; // NaN if something is not finite
    //: include row_factor(row: row_of_work, maximum: maximum)
    for (int d = lane; d < VALUE_DIM; d += 32)
    {
        float o = 0.0f;
        for (int w = 0; w < WARPS_ALONG_KEYS; w++)
        {
            o += weight[w] * states[(w * ROWS + row_of_work) * (VALUE_DIM + 2) + d];
        }
        zero += o * 0.0f;
        if (is_final)
        {
            ${store(outputs + to * VALUE_DIM + d, o * inverse)}
        }
        else
        {
            partial_outputs[to * VALUE_DIM + d] = o * inverse;
        }
    }
    //: include store_state(is_one: lane == 0, maximum: maximum)
    warp_barrier();
    //: if transforms
    //: include exact_row(is_needed: ballot(isnan(zero)) != 0, first_column: , warp_columns: VALUE_DIM)
    //: else
    //: include exact_row(is_needed: ballot(isnan(zero) || is_large(maximum)) != 0, first_column: , warp_columns: VALUE_DIM)
    //: end
}

//: include merge_splits
