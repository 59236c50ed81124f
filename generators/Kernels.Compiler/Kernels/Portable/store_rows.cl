//: # Adds up the sums of rows and stores these; those with something that is not finite are calculated again.
// Every work-item of a row knows the sum over its own keys: add them up.
barrier(CLK_LOCAL_MEM_FENCE);
local float* const weights = (local float*)kv_tile; // a number of each work-item, should a row need it
local int poisoned[ROWS]; // whether a row has an output that is not finite
for (int i = 0; i < ROWS_EACH; i++)
{
    scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x] = row_sum[i];
    if (x == 0)
    {
        poisoned[y + i * THREADS_Y] = 0;
    }
}
barrier(CLK_LOCAL_MEM_FENCE);

for (int i = 0; i < ROWS_EACH; i++)
{
    const int row = y + i * THREADS_Y;
    if (row < work.row_count)
    {
        float sum = 0.0f;
        for (int j = 0; j < THREADS_X; j++)
        {
            sum += scores[row * SCORE_STRIDE * 4 + j];
        }

        //: include row_factor(row: row, maximum: row_max[i])
        uint4 largest = (uint4)(0); // of the magnitudes, as bits: those of what is not finite are above all. Some drivers take 0 * x for 0.
        for (int c = 0; c < COLUMNS_EACH; c++)
        {
            const int d = (x + c * THREADS_X) * 4;
            largest = max(largest, as_uint4(output[i][c]) & 0x7FFFFFFF);
            if (d < VALUE_DIM && is_final)
            {
                store_output(outputs + to * VALUE_DIM, d, output[i][c] * inverse);
            }
            else if (d < VALUE_DIM)
            {
                store_partial(partial_outputs + to * VALUE_DIM, d, output[i][c] * inverse);
            }
        }
        //: include store_state(is_one: x == 0, maximum: row_max[i])
        if (any(largest >= 0x7F800000))
        {
            poisoned[row] = 1;
        }
    }
}
//: include exact_rows(member: x + y * THREADS_X)
