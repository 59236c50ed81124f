//: # Sums of whole rows, and outputs in units of 1.
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row_sum[b][0] = row_total(row_sum[b][0]);
    row_sum[b][1] = row_total(row_sum[b][1]);
    //: if scales_tokens
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        output[b][c].lo *= row_unit[b][0];
        output[b][c].hi *= row_unit[b][1];
    }
    //: end
}
