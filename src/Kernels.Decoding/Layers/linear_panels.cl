// y[t, r] = x[t]·w[r] (+ bias[r]) (+ y[t, r]), for CPUs: no barriers; one work-item owns a tile of 16 · PANELS × TOKENS outputs. A
// vector is one column of a panel's 16 rows, so that sums are vertical and each panel is read in one stream. The host sets NAME,
// PANELS and TOKENS, and EXPERTS where each token has a matrix of its own. Global size: (tokens / TOKENS, rows / (16 · PANELS)).
kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void NAME(
    global const float *restrict x,      // [tokens, columns]
    global const weight_t *restrict w,   // [rows / 16, columns, 16]
    global const float *restrict bias,   // [rows]; not read without BIAS
    global float *restrict y,            // [tokens, rows]
    int columns,
    int rows,
    int tokens,
    int flags EXPERT_ARGUMENTS)
{
    // Panels and tokens past the end repeat the last one, and are not stored.
    int row = get_global_id(1) * (16 * PANELS);
#if EXPERTS < 2
    int token = get_global_id(0) * TOKENS;
#endif
    global const weight_t *ws[PANELS];
    global const float *xs[TOKENS];
    float16 sums[TOKENS][PANELS];
    TAKE_EXPERT(get_global_id(0))
#pragma unroll
    for (int p = 0; p < PANELS; p++)
    {
        ws[p] = w + (size_t)min(row / 16 + p, (rows - 1) / 16) * 16 * columns;
    }

#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        xs[t] = x + (size_t)X_ROW(ROW_OF(t)) * columns;
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            sums[t][p] = 0;
        }
    }

    // One token alone has few sums: two columns at a time hide how long the loads take.
#if TOKENS == 1
#pragma unroll 2
#endif
    for (int column = 0; column < columns; column++)
    {
        float16 w_vectors[PANELS];
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            w_vectors[p] = weight16(ws[p], (size_t)column * 16);
        }

#pragma unroll
        for (int t = 0; t < TOKENS; t++)
        {
            float16 x_vector = xs[t][column];
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                sums[t][p] = fma(w_vectors[p], x_vector, sums[t][p]);
            }
        }
    }

#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        if (HAS_ROW(t))
        {
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                store16(bias, y, rows, row + 16 * p, ROW_OF(t), flags, sums[t][p]);
            }
        }
    }
}
