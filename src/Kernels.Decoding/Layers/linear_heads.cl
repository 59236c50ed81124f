// y[t, h, c] = sum over k of x[t, h, k] · w[h, k, c]: each head has a matrix of its own. A work-item has HEAD_COLUMNS columns of one
// head for HEAD_TOKENS tokens, so that a weight that is loaded serves several tokens, and work-items side by side read weights
// side by side. The host sets NAME, HEAD_TOKENS, and HEAD_COLUMNS, 16 or 1. Global size: (columns / HEAD_COLUMNS, tokens / HEAD_TOKENS, heads).
#undef COLUMNS_TYPE
#undef LOAD_COLUMNS
#undef STORE_COLUMNS
#if HEAD_COLUMNS == 16
#define COLUMNS_TYPE float16
#define LOAD_COLUMNS(k, c) weight16_at(w, rows, columns, first + (k), c)
#define STORE_COLUMNS(v, y) vstore16(v, 0, y)
#else
#define COLUMNS_TYPE float
#define LOAD_COLUMNS(k, c) weight_at(w, rows, columns, first + (k), c)
#define STORE_COLUMNS(v, y) *(y) = v
#endif

kernel void NAME(
    global const float *restrict x,    // [tokens, x_stride]; the heads begin at x_offset
    global const weight_t *restrict w, // [heads, depth, columns]
    global float *restrict y,          // [tokens, y_stride]; the heads begin at y_offset
    int depth,
    int columns,
    int tokens,
    int x_stride,
    int x_offset,
    int x_head_stride,                 // 0: all heads have the same x
    int y_stride,
    int y_offset,
    int y_head_stride)
{
    int column = get_global_id(0) * HEAD_COLUMNS;
    int token = get_global_id(1) * HEAD_TOKENS;
    int head = get_global_id(2);
    if (column >= columns)
    {
        return;
    }

    // Tokens past the end repeat the last one, and are not stored.
    global const float *xs[HEAD_TOKENS];
    global float *ys[HEAD_TOKENS];
#pragma unroll
    for (int t = 0; t < HEAD_TOKENS; t++)
    {
        size_t row = min(token + t, tokens - 1);
        xs[t] = x + row * x_stride + x_offset + head * x_head_stride;
        ys[t] = y + row * y_stride + y_offset + head * y_head_stride;
    }

    int rows = get_global_size(2) * depth;
    size_t first = (size_t)head * depth;
    if (column + HEAD_COLUMNS <= columns)
    {
        COLUMNS_TYPE sums[HEAD_TOKENS];
#pragma unroll
        for (int t = 0; t < HEAD_TOKENS; t++)
        {
            sums[t] = 0;
        }

        for (int k = 0; k < depth; k++)
        {
            COLUMNS_TYPE weights = LOAD_COLUMNS(k, column);
#pragma unroll
            for (int t = 0; t < HEAD_TOKENS; t++)
            {
                sums[t] = fma(weights, (COLUMNS_TYPE)(xs[t][k]), sums[t]);
            }
        }

#pragma unroll
        for (int t = 0; t < HEAD_TOKENS; t++)
        {
            if (token + t < tokens)
            {
                STORE_COLUMNS(sums[t], ys[t] + column);
            }
        }

        return;
    }

    for (int t = 0; t < HEAD_TOKENS && token + t < tokens; t++)
    {
        for (int c = column; c < columns; c++)
        {
            float sum = 0;
            for (int k = 0; k < depth; k++)
            {
                sum = fma(weight_at(w, rows, columns, first + k, c), xs[t][k], sum);
            }

            ys[t][c] = sum;
        }
    }
}
