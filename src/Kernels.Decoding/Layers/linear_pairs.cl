// linear_panels.cl by dot products of bfloat16 pairs (AVX512-BF16, in assembly, as the compiler takes the processor for an older one).
// A vector is two columns of a panel's 16 rows; sums are float32. The host sets NAME, PANELS, TOKENS and EXPERTS as there, and PARTS:
// the bfloat16 that the inputs are sums of. Global size: (tokens / TOKENS, rows / (16 · PANELS)).
kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void NAME(
    global const uint *restrict x,       // [tokens, PARTS, columns / 2] pairs
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
    int token = get_global_id(0) * TOKENS;
    int pairs = columns / 2;
    global const int *ws[PANELS];
    global const uint *xs[TOKENS];
    float16 sums[TOKENS][PANELS];
    TAKE_EXPERT(token)
#pragma unroll
    for (int p = 0; p < PANELS; p++)
    {
        ws[p] = (global const int *)w + (size_t)min(row / 16 + p, (rows - 1) / 16) * 16 * pairs;
    }

#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        xs[t] = x + (size_t)X_ROW(min(token + t, tokens - 1)) * PARTS * pairs;
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            sums[t][p] = 0;
        }
    }

    // One token alone has few sums: two pairs at a time hide how long the loads take.
#if TOKENS == 1
#pragma unroll 2
#endif
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
#pragma unroll
            for (int part = 0; part < PARTS; part++)
            {
                int16 x_pair = (int)xs[t][part * pairs + pair];
#pragma unroll
                for (int p = 0; p < PANELS; p++)
                {
                    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sums[t][p]) : "v"(w_pairs[p]), "v"(x_pair));
                }
            }
        }
    }

#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        if (token + t < tokens)
        {
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                store16(bias, y, rows, row + 16 * p, token + t, flags, sums[t][p]);
            }
        }
    }
}
