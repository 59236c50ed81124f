// linear_panels.cl for weights in groups. Of one token a group's products are added up before its scale multiplies them; of several, a
// weight is made once for all. The host sets NAME, PANELS, TOKENS and EXPERTS as there. Global size: the same.
kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void NAME(
    global const float *restrict x,      // [tokens, columns]
    global const weight_t *restrict w,   // planes of [rows / 16, elements, 16]
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
    size_t panels[PANELS];
    global const uchar *codes[PANELS];
    global const float *xs[TOKENS];
    float16 sums[TOKENS][PANELS];
    TAKE_EXPERT(get_global_id(0))
    global const uchar *scales = w + codes_bytes(rows, columns);
#if MINIMUM
    global const uchar *minima = scales + factors_bytes(rows, columns);
#endif
#pragma unroll
    for (int p = 0; p < PANELS; p++)
    {
        panels[p] = min(row / 16 + p, (rows - 1) / 16);
        codes[p] = w + panels[p] * (columns / CODES_A_BYTE) * 16;
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

    for (int first = 0; first < columns; first += GROUP)
    {
        int end = min(first + GROUP, columns);
        float16 scale[PANELS];
#if MINIMUM
        float16 minimum[PANELS];
#endif
#if TOKENS == 1
        float16 products[PANELS];
        float x_sum = 0;
#endif
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            scale[p] = factor16(scales, rows, columns, panels[p], first);
#if MINIMUM
            minimum[p] = factor16(minima, rows, columns, panels[p], first);
#endif
#if TOKENS == 1
            products[p] = 0;
#endif
        }

#pragma unroll 2
        for (int column = first; column < end; column += CODES_A_BYTE)
        {
            uint16 bits[PANELS];
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                bits[p] = convert_uint16(vload16(column / CODES_A_BYTE, codes[p]));
            }

#pragma unroll
            for (int half_byte = 0; half_byte < CODES_A_BYTE; half_byte++)
            {
#if TOKENS == 1
                float x_value = xs[0][column + half_byte];
                x_sum += x_value;
#pragma unroll
                for (int p = 0; p < PANELS; p++)
                {
                    products[p] = fma(code16(bits[p] >> (uint)(half_byte * 4)), (float16)x_value, products[p]);
                }
#else
                float16 weights[PANELS];
#pragma unroll
                for (int p = 0; p < PANELS; p++)
                {
#if MINIMUM
                    weights[p] = fma(scale[p], code16(bits[p] >> (uint)(half_byte * 4)), minimum[p]);
#else
                    weights[p] = scale[p] * code16(bits[p] >> (uint)(half_byte * 4));
#endif
                }

#pragma unroll
                for (int t = 0; t < TOKENS; t++)
                {
                    float16 x_vector = xs[t][column + half_byte];
#pragma unroll
                    for (int p = 0; p < PANELS; p++)
                    {
                        sums[t][p] = fma(weights[p], x_vector, sums[t][p]);
                    }
                }
#endif
            }
        }

#if TOKENS == 1
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            sums[0][p] = fma(scale[p], products[p], sums[0][p]);
#if MINIMUM
            sums[0][p] = fma(minimum[p], (float16)x_sum, sums[0][p]);
#endif
        }
#endif
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
