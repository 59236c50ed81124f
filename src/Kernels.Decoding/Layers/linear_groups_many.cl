// y[t, r] = x[t]·w[r] (+ bias[r]) (+ y[t, r]) for many tokens, for GPUs. A work-group has a tile of TILE × TILE outputs, 4 × 4 a
// work-item, and steps along the columns DEPTH at a time, which it shares through local memory. Global size: (rows / TILE · SIDE, tokens / TILE · SIDE).
#define SIDE 8
#define TILE (SIDE * 4)
#define DEPTH 16
#define STRIDE (TILE + 4) // not a multiple of the banks of local memory, which work-items side by side would share

kernel __attribute__((reqd_work_group_size(SIDE, SIDE, 1)))
void NAME(
    global const float *restrict x,
    global const weight_t *restrict w,
    global const float *restrict bias,
    global float *restrict y,
    int columns,
    int rows,
    int tokens,
    int flags EXPERT_ARGUMENTS)
{
    // Columns outermost, so that a work-item reads its 4 rows or tokens side by side.
    local float w_tile[DEPTH][STRIDE];
    local float x_tile[DEPTH][STRIDE];
    int item = get_local_id(1) * SIDE + get_local_id(0);
    int first_row = get_group_id(0) * TILE;
#if EXPERTS < 2
    int token = get_group_id(1) * TILE;
#endif
    TAKE_EXPERT(get_group_id(1))
    float4 sums[4] = {0, 0, 0, 0};

    for (int first_column = 0; first_column < columns; first_column += DEPTH)
    {
        for (int i = item; i < TILE * DEPTH; i += SIDE * SIDE)
        {
            int column = first_column + i % DEPTH;
            int row = first_row + i / DEPTH;
            w_tile[i % DEPTH][i / DEPTH] = column < columns && row < rows ? weight_at(w, rows, columns, row, column) : 0;
            x_tile[i % DEPTH][i / DEPTH] = column < columns && HAS_ROW(i / DEPTH) ? x[(size_t)X_ROW(ROW_OF(i / DEPTH)) * columns + column] : 0;
        }

        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll
        for (int depth = 0; depth < DEPTH; depth++)
        {
            float4 ws = vload4(get_local_id(0), w_tile[depth]);
            float4 xs = vload4(get_local_id(1), x_tile[depth]);
            sums[0] = fma(ws, (float4)(xs.x), sums[0]);
            sums[1] = fma(ws, (float4)(xs.y), sums[1]);
            sums[2] = fma(ws, (float4)(xs.z), sums[2]);
            sums[3] = fma(ws, (float4)(xs.w), sums[3]);
        }

        barrier(CLK_LOCAL_MEM_FENCE);
    }

#pragma unroll
    for (int t = 0; t < 4; t++)
    {
        int own_token = get_local_id(1) * 4 + t;
        int row = first_row + get_local_id(0) * 4;
        float results[4];
        vstore4(sums[t], 0, results);
#pragma unroll
        for (int r = 0; r < 4; r++)
        {
            if (HAS_ROW(own_token) && row + r < rows)
            {
                store(bias, y, rows, row + r, ROW_OF(own_token), flags, results[r]);
            }
        }
    }
}
#undef SIDE
#undef TILE
#undef DEPTH
#undef STRIDE
