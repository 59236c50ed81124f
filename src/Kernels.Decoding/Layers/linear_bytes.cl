// linear_group_panels.cl by dot products of bytes (AVX512-VNNI, in assembly, as the compiler takes the processor for an older one).
// A vector is four bytes of codes of a panel's 16 rows. Inputs are integers of one to three bytes, with a scale for every STEP of them;
// what codes are above their values, DOT_ZERO, is taken from sums as so many times the sum of the inputs. The host sets NAME, PANELS,
// TOKENS and EXPERTS as there, and PARTS: the bytes of an input. Global size: (tokens / TOKENS, rows / (16 · PANELS)).
#define STEP_VECTORS (STEP / 4)
#define STEP_WORDS (STEP_VECTORS / CODES_A_BYTE)

// One token's sums all fit the registers, so that codes are read once; those of several only for one byte of the inputs.
#define PARTS_A_PASS (TOKENS == 1 ? PARTS : 1)

kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void NAME(
    global const int *restrict x,        // [tokens, columns / STEP, PARTS, STEP / 4] four bytes, as dot_inputs.cl has them
    global const weight_t *restrict w,   // planes of [rows / 16, bytes / 4, 16, 4] and [rows / 16, groups, 16]
    global const float *restrict bias,   // [rows]; not read without BIAS
    global float *restrict y,            // [tokens, rows]
    int columns,
    int rows,
    int tokens,
    int flags EXPERT_ARGUMENTS,
    global const int4 *restrict x_steps) // [tokens, columns / STEP] scale, the sum of the inputs' upper bytes together, and of the third
{
    // Panels and tokens past the end repeat the last one, and are not stored.
    int row = get_global_id(1) * (16 * PANELS);
#if EXPERTS < 2
    int token = get_global_id(0) * TOKENS;
#endif
    int steps = columns / STEP;
    size_t panels[PANELS];
    global const int *codes[PANELS];
    size_t x_first[TOKENS];
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
        codes[p] = (global const int *)(w + panels[p] * (columns / CODES_A_BYTE) * 16);
    }

#pragma unroll
    for (int t = 0; t < TOKENS; t++)
    {
        x_first[t] = (size_t)X_ROW(ROW_OF(t)) * steps;
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            sums[t][p] = 0;
        }
    }

    for (int step = 0; step < steps; step++)
    {
        float16 scale[PANELS];
#if MINIMUM
        float16 minimum[PANELS];
#endif
#pragma unroll
        for (int p = 0; p < PANELS; p++)
        {
            scale[p] = factor16(scales, rows, columns, panels[p], step * STEP);
#if MINIMUM
            minimum[p] = factor16(minima, rows, columns, panels[p], step * STEP);
#endif
        }

        // Upper bytes come first: their sum is raised, and takes the next ones too.
        int16 products[PARTS_A_PASS][TOKENS][PANELS];
#pragma unroll
        for (int pass = 0; pass < PARTS; pass += PARTS_A_PASS)
        {
#pragma unroll
            for (int part = 0; part < PARTS_A_PASS; part++)
            {
#pragma unroll
                for (int t = 0; t < TOKENS; t++)
                {
#pragma unroll
                    for (int p = 0; p < PANELS; p++)
                    {
                        products[part][t][p] = PARTS_A_PASS == 1 && pass == 1 ? products[part][t][p] << 8 : 0;
                    }
                }
            }

#pragma unroll
            for (int word = 0; word < STEP_WORDS; word++)
            {
                uint16 bytes[PANELS];
#pragma unroll
                for (int p = 0; p < PANELS; p++)
                {
                    bytes[p] = as_uint16(vload16(step * STEP_WORDS + word, codes[p]));
                }

#pragma unroll
                for (int half_byte = 0; half_byte < CODES_A_BYTE; half_byte++)
                {
                    uint16 dots[PANELS];
#pragma unroll
                    for (int p = 0; p < PANELS; p++)
                    {
                        dots[p] = dot_codes(bytes[p], half_byte);
                    }

#pragma unroll
                    for (int t = 0; t < TOKENS; t++)
                    {
                        global const int *xs = x + ((x_first[t] + step) * PARTS + pass) * STEP_VECTORS + word * CODES_A_BYTE + half_byte;
#pragma unroll
                        for (int part = 0; part < PARTS_A_PASS; part++)
                        {
                            int16 x_bytes = xs[part * STEP_VECTORS];
#pragma unroll
                            for (int p = 0; p < PANELS; p++)
                            {
                                __asm__("vpdpbusd %2, %1, %0" : "+v"(products[part][t][p]) : "v"(dots[p]), "v"(x_bytes));
                            }
                        }
                    }
                }
            }

#if PARTS_A_PASS == 1 && PARTS > 1
            if (pass == 0)
            {
                continue;
            }
#endif

#pragma unroll
            for (int t = 0; t < TOKENS; t++)
            {
                int4 x_step = x_steps[x_first[t] + step];
                float unit = as_float(x_step.x) * DOT_UNIT;
#pragma unroll
                for (int p = 0; p < PANELS; p++)
                {
#if PARTS_A_PASS == 1
                    bool lowest = pass == 2;
                    int16 above = (lowest ? x_step.z : x_step.y) * DOT_ZERO;
                    float16 factor = scale[p] * (PARTS == 3 && !lowest ? unit * 256 : unit);
                    sums[t][p] = fma(convert_float16(products[0][t][p] - above), factor, sums[t][p]);
#else
                    float16 value = convert_float16((products[0][t][p] << 8) + products[1][t][p] - (int16)(x_step.y * DOT_ZERO));
#if PARTS == 3
                    value = fma(value, (float16)256, convert_float16(products[2][t][p] - (int16)(x_step.z * DOT_ZERO)));
#endif
                    sums[t][p] = fma(value, scale[p] * unit, sums[t][p]);
#endif
                }
            }
        }

#if MINIMUM
#pragma unroll
        for (int t = 0; t < TOKENS; t++)
        {
            int4 x_step = x_steps[x_first[t] + step];
            float x_sum = as_float(x_step.x) * (PARTS == 3 ? x_step.y * 256.0f + x_step.z : x_step.y);
#pragma unroll
            for (int p = 0; p < PANELS; p++)
            {
                sums[t][p] = fma(minimum[p], (float16)x_sum, sums[t][p]);
            }
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
#undef STEP_VECTORS
#undef STEP_WORDS
#undef PARTS_A_PASS
