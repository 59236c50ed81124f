//: # Stores the rows of a warp that has all of their keys; those with something that is not finite are calculated again. Holes:
//: # first_column with a trailing plus, where a warp has not all columns of the output, and warp_columns, how many it has; is_one, whether
//: # this is the one work-item that stores what a row has one of; after_stores, a statement: the warp sees what was stored for its rows.
// Bit r: in the r-th of this work-item's rows something is not finite, or scores are so large that a multiply-add is not exact enough.
uint poisoned = 0;
#pragma unroll
for (int r = 0; r < 2 * ROW_BLOCKS; r++)
{
    const int row_of_work = warp_row + lane / 4 + r * 8;
    const float sum = row_sum[r / 2][r % 2];
    const float maximum = row_max[r / 2][r % 2];
    if (row_of_work < work.row_count)
    {
        //: include row_factor(row: row_of_work, maximum: maximum)
        float2 zero[2] = { (float2)(0.0f), (float2)(0.0f) }; // NaN if something is not finite; sums that do not wait for one another
        #pragma unroll
        for (int c = 0; c < VALUE_BLOCKS; c++)
        {
            const float2 o = (r % 2 == 0 ? output[r / 2][c].lo : output[r / 2][c].hi) * inverse;
            zero[c % 2] += o * 0.0f;
            const int d = ${first_column}c * 8 + lane % 4 * 2;
            if (is_final)
            {
                *(global uint*)(outputs + to * VALUE_DIM + d) = pack(o.s0, o.s1);
            }
            else
            {
                vstore2(o, 0, partial_outputs + to * VALUE_DIM + d);
            }
        }
        //: if transforms
        poisoned |= any(isnan(zero[0] + zero[1])) ? 1u << r : 0;
        //: else
        poisoned |= any(isnan(zero[0] + zero[1])) || is_large(maximum) ? 1u << r : 0;
        //: end
        //: include store_state(is_one: ${is_one}, maximum: maximum)
    }
}
${after_stores}
for (int r = 0; r < 2 * ROW_BLOCKS; r++)
{
    const uint rows = ballot(poisoned >> r & 1); // four work-items have a row
    for (int i = 0; i < 8 && rows != 0; i++)
    {
        const int row_of_work = warp_row + r * 8 + i;
        //: include exact_row(is_needed: rows >> (4 * i) & 15)
    }
}
