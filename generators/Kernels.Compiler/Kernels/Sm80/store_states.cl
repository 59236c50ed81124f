//: # This work-item's part of the states of its warp goes to 'states'. Holes: column_0, column_1, the columns of elements s0 and s1 of
//: # output block 'c'.
#pragma unroll
for (int r = 0; r < 2; r++)
{
    local float* const state = states + ((thread / 32) / WARPS_ALONG_ROWS * ROWS + warp_row + lane / 4 + r * 8) * (VALUE_DIM + 2);
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        state[${column_0}] = r == 0 ? output[0][c].s0 : output[0][c].s2;
        state[${column_1}] = r == 0 ? output[0][c].s1 : output[0][c].s3;
    }
    if (lane % 4 == 0)
    {
        state[VALUE_DIM] = row_max[0][r];
        state[VALUE_DIM + 1] = row_sum[0][r];
    }
}
