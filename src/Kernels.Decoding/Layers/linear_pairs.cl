// linear_panels.cl over pairs of bfloat16: a vector is two columns of a panel's 16 rows. Of many tokens, inputs are bfloat16 too and are
// multiplied by dot products (AVX512-BF16, in assembly, as the compiler takes the processor for an older one); of few, they are float32.
// The host sets NAME, PANELS, TOKENS and EXPERTS as there, and PARTS: 1 for dot products, else 0. Global size: (tokens / TOKENS,
// rows / (16 · PANELS)).
#if PARTS == 1
#define X_ELEMENT uint
#define X_COLUMNS 2
#else
#define X_ELEMENT float
#define X_COLUMNS 1
#endif
kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void NAME(
    global const X_ELEMENT *restrict x,  // [tokens, columns]
    global const weight_t *restrict w,   // [rows / 16, columns / 2, 16, 2]
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
    int pairs = columns / 2;
    global const int *ws[PANELS];
    global const X_ELEMENT *xs[TOKENS];
    float16 sums[TOKENS][PANELS];
    TAKE_EXPERT(get_global_id(0))
#pragma unroll
    for (int p = 0; p < PANELS; p++)
    {
        ws[p] = (global const int *)w + (size_t)min(row / 16 + p, (rows - 1) / 16) * 16 * pairs;
    }

#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        xs[t] = x + (size_t)X_ROW(ROW_OF(t)) * (columns / X_COLUMNS);
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            sums[t][p] = 0;
        }
    }

    for (int pair = 0; pair < pairs; pair++)
    {
        int16 w_pairs[PANELS];
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            w_pairs[p] = vload16(pair, ws[p]);
        }

#pragma unroll
        for (int t = 0; t < TOKENS; t++)
        {
#if PARTS == 1
            int16 x_pair = (int)xs[t][pair];
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                __asm__("vdpbf16ps %2, %1, %0" : "+v"(sums[t][p]) : "v"(w_pairs[p]), "v"(x_pair));
            }
#else
            float16 x_even = xs[t][2 * pair], x_odd = xs[t][2 * pair + 1];
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                sums[t][p] = fma(as_float16(w_pairs[p] << 16), x_even, sums[t][p]);
                sums[t][p] = fma(as_float16(w_pairs[p] & (int)0xffff0000), x_odd, sums[t][p]);
            }
#endif
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
#undef X_ELEMENT
#undef X_COLUMNS
