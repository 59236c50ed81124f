//: # The state of a work-item's rows at their start.
//: include begin_scales
// Of each block, the rows lane / 4 and lane / 4 + 8.
float row_max[ROW_BLOCKS][2];
float row_sum[ROW_BLOCKS][2]; // over this work-item's keys only
//: if scales_tokens
float row_unit[ROW_BLOCKS][2]; // the largest weight of an integer so far; outputs are multiples of it
//: end
float4 output[ROW_BLOCKS][VALUE_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row_max[b][0] = row_max[b][1] = -INFINITY;
    row_sum[b][0] = row_sum[b][1] = 0.0f;
    //: if scales_tokens
    row_unit[b][0] = row_unit[b][1] = 0.0f;
    //: end
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        output[b][c] = (float4)(0.0f);
    }
}
//: if needs_rows
Row row[ROW_BLOCKS][2];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row[b][0] = ${make_row(min(warp_row + b * 16 + lane / 4, work.row_count - 1))};
    row[b][1] = ${make_row(min(warp_row + b * 16 + lane / 4 + 8, work.row_count - 1))};
}
//: end
