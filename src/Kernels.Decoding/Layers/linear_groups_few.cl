// y[t, r] = x[t]·w[r] (+ bias[r]) (+ y[t, r]) for few tokens, for GPUs. LANES neighbouring work-items stride along one row
// together and add up their sums at the end; a work-group has GROUP_ROWS rows of one token. The host sets NAME, and EXPERTS
// where each token has a matrix of its own. Global size: (rows / GROUP_ROWS · LANES · GROUP_ROWS, tokens).
#define LANES 32
#define GROUP_ROWS 2

kernel __attribute__((reqd_work_group_size(LANES * GROUP_ROWS, 1, 1)))
void NAME(
    global const float *restrict x,      // [tokens, columns]
    global const weight_t *restrict w,   // [rows, columns]
    global const float *restrict bias,   // [rows]; not read without BIAS
    global float *restrict y,            // [tokens, rows]
    int columns,
    int rows,
    int tokens,
    int flags EXPERT_ARGUMENTS)
{
    local float partial[GROUP_ROWS][LANES];
    int lane = get_local_id(0) % LANES;
    int group_row = get_local_id(0) / LANES;
    int row = get_group_id(0) * GROUP_ROWS + group_row;
    int token = get_group_id(1);

    TAKE_EXPERT(token)

    // Every work-item must reach the barriers, so a row past the end repeats the last one.
    int own_row = min(row, rows - 1);
    global const float *xs = x + (size_t)X_ROW(token) * columns;
    float sum = 0;
    if (EIGHT_OF_A_GROUP(columns))
    {
        float8 sums = 0;
        for (int column = lane * 8; column < columns; column += LANES * 8)
        {
            sums = fma(weight8_at(w, rows, columns, own_row, column), *(global const float8 *)(xs + column), sums);
        }

        sum = sum8(sums);
    }
    else
    {
        for (int column = lane; column < columns; column += LANES)
        {
            sum = fma(weight_at(w, rows, columns, own_row, column), xs[column], sum);
        }
    }

    partial[group_row][lane] = sum;
    for (int step = LANES / 2; step > 0; step /= 2)
    {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < step)
        {
            partial[group_row][lane] += partial[group_row][lane + step];
        }
    }

    if (lane == 0 && row < rows)
    {
        store(bias, y, rows, row, token, flags, partial[group_row][0]);
    }
}
#undef LANES
#undef GROUP_ROWS
