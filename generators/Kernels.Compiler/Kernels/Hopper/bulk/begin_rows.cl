//: # The state of a work-item's rows at their start.
//: include Nvidia/begin_scales
// Of each block, the rows lane % 4 * 2 and the next.
float2 row_max[ROW_BLOCKS]; // may lag behind by MAXIMUM_LAG
float2 row_sum[ROW_BLOCKS]; // over this work-item's keys only
//: if scales_tokens
float2 row_unit[ROW_BLOCKS]; // a weight of an integer near the largest so far; outputs are multiples of it
//: end
float4 output[VALUE_BLOCKS][ROW_BLOCKS]; // two rows of one column and of the next
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row_max[b] = (float2)(-INFINITY);
    row_sum[b] = (float2)(0.0f);
    //: if scales_tokens
    row_unit[b] = (float2)(0.0f);
    //: end
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        output[c][b] = (float4)(0.0f);
    }
}
//: if needs_rows
Row row[ROW_BLOCKS][2];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row[b][0] = ${make_row(min(b * 8 + lane % 4 * 2, item.row_count - 1))};
    row[b][1] = ${make_row(min(b * 8 + lane % 4 * 2 + 1, item.row_count - 1))};
}
//: end

