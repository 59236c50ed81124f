// y[t, r] = x[t]·w[r] (+ bias[r]) (+ y[t, r]), for CPUs: no barriers; one work-item owns a tile of ROWS × TOKENS outputs and
// runs along the columns in vectors, so that every vector that is loaded serves several outputs. The host sets NAME, ROWS and
// TOKENS, and EXPERTS where each token has a matrix of its own. Global size: (tokens / TOKENS, rows / ROWS).
kernel __attribute__((reqd_work_group_size(1, 1, 1)))
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
    // Rows and tokens past the end repeat the last one, and are not stored.
    int row = get_global_id(1) * ROWS;
    int token = get_global_id(0) * TOKENS;
    global const weight_t *ws[ROWS];
    global const float *xs[TOKENS];
    float16 sums[ROWS][TOKENS];
    TAKE_EXPERT(token)
#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        xs[t] = x + (size_t)X_ROW(min(token + t, tokens - 1)) * columns;
    }

#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
        ws[r] = w + (size_t)min(row + r, rows - 1) * columns;
#pragma unroll
        for (int t = 0; t < TOKENS; t++)
        {
            sums[r][t] = 0;
        }
    }

    int column = 0;
    for (; column + 16 <= columns; column += 16)
    {
        float16 x_vectors[TOKENS];
#pragma unroll
        for (int t = 0; t < TOKENS; t++)
        {
            x_vectors[t] = vload16(0, xs[t] + column);
        }

#pragma unroll
        for (int r = 0; r < ROWS; r++)
        {
            float16 w_vector = weight16(ws[r], column);
#pragma unroll
            for (int t = 0; t < TOKENS; t++)
            {
                sums[r][t] = fma(w_vector, x_vectors[t], sums[r][t]);
            }
        }
    }

#pragma unroll
    for (int r = 0; r < ROWS; r++)
    {
#pragma unroll
        for (int t = 0; t < TOKENS; t++)
        {
            float sum = sum16(sums[r][t]);
            for (int c = column; c < columns; c++)
            {
                sum = fma(weight(ws[r], c), xs[t][c], sum);
            }

            if (row + r < rows && token + t < tokens)
            {
                store(bias, y, rows, row + r, token + t, flags, sum);
            }
        }
    }
}
