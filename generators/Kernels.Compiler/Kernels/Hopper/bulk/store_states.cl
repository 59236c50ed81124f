//: # This work-item's part of the states of its warp goes to 'states'.
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    local float* const state = states + (thread / 32 * ROWS + b * 8 + lane % 4 * 2) * (VALUE_DIM + 2);
    local float* const next = state + VALUE_DIM + 2;
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        vstore2(output[c][b].s02, lane / 4 * VALUE_BLOCKS + c, state);
        vstore2(output[c][b].s13, lane / 4 * VALUE_BLOCKS + c, next);
    }
    if (lane / 4 == 0)
    {
        state[VALUE_DIM] = row_max[b].s0;
        state[VALUE_DIM + 1] = row_sum[b].s0;
        next[VALUE_DIM] = row_max[b].s1;
        next[VALUE_DIM + 1] = row_sum[b].s1;
    }
}
