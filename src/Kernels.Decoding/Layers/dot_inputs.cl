// What linear_pairs.cl and linear_bytes.cl multiply: rows of float32, or what a norm or a gate makes of them, as pairs of bfloat16 or as
// integers. One work-item a row. The host sets PAIRS, and for integers STEP and CODES_A_BYTE.
static float16 dot_input(
    global const float *x, int column, int columns, float factor, global const float *restrict norm, int gate)
{
    int count = min(columns - column, 16);
    float16 values = load_lanes(x + column, count);
    if (gate >= 0)
    {
        return activation(values, gate) * load_lanes(x + columns + column, count);
    }

    return factor == 0 ? values : values * factor * load_lanes(norm + column, count);
}

// What a row is multiplied by to have a root mean square of 1.
static float rms_factor(global const float *x, int columns, float epsilon)
{
    float16 squares = 0;
    for (int column = 0; column < columns; column += 16)
    {
        float16 values = load_lanes(x + column, min(columns - column, 16));
        squares = fma(values, values, squares);
    }

    float8 eight = squares.lo + squares.hi;
    float4 four = eight.lo + eight.hi;
    return 1.0f / sqrt((four.x + four.y + four.z + four.w) / columns + epsilon);
}

#if PAIRS
// The nearest bfloat16, in the upper half; the largest one where that would be infinite, so that what is finite stays so.
static uint16 nearest_bfloat(float16 values)
{
    uint16 bits = as_uint16(values);
    uint16 rounded = (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;
    uint16 magnitude = bits & 0x7fffffffu;
    rounded = select(rounded, bits & 0xffff0000u, magnitude >= 0x7f7f8000u);
    return select(rounded, bits | 0x400000u, magnitude > 0x7f800000u);
}

static void store_bfloats(uint16 upper, global ushort *to, int count)
{
    ushort16 values = convert_ushort16(upper >> 16);
    if (count == 16)
    {
        vstore16(values, 0, to);
        return;
    }

    ushort lanes[16];
    vstore16(values, 0, lanes);
    for (int i = 0; i < count; i++)
    {
        to[i] = lanes[i];
    }
}
#else
static int largest_lane(int16 values)
{
    int8 eight = max(values.lo, values.hi);
    int4 four = max(eight.lo, eight.hi);
    return max(max(four.x, four.y), max(four.z, four.w));
}

static int sum_of_lanes(int16 values)
{
    int8 eight = values.lo + values.hi;
    int4 four = eight.lo + eight.hi;
    return four.x + four.y + four.z + four.w;
}
#endif

kernel __attribute__((reqd_work_group_size(1, 1, 1)))
void dot_inputs(
    global const float *restrict input,  // [rows, columns]; with a gate [rows, 2, columns]
    global const float *restrict norm,   // [columns]; not read without a norm
    global void *restrict output,        // as linear_pairs.cl and linear_bytes.cl take it
    global int4 *restrict output_steps,  // [rows, columns / STEP] for integers
    int columns,
    int parts,
    int has_norm,
    float epsilon,
    int gate)                            // an activation, or −1: none
{
    size_t row = get_global_id(0);
    global const float *x = input + row * columns * (gate >= 0 ? 2 : 1);
    float factor = has_norm ? rms_factor(x, columns, epsilon) : 0;
#if PAIRS
    global ushort *to = (global ushort *)output + row * columns;
    for (int column = 0; column < columns; column += 16)
    {
        int count = min(columns - column, 16);
        float16 values = dot_input(x, column, columns, factor, norm, gate);
        store_bfloats(nearest_bfloat(values), to + column, count);
    }
#else
    int steps = columns / STEP;
    float top = parts == 3 ? 127 << 16 : parts == 2 ? 127 << 8 : 127;
    global char *to = (global char *)output + row * parts * columns;
    for (int step = 0; step < steps; step++, to += parts * STEP)
    {
        float16 values[STEP / 16];
        int16 largest = 0;
#pragma unroll
        for (int i = 0; i < STEP / 16; i++)
        {
            values[i] = dot_input(x, step * STEP + i * 16, columns, factor, norm, gate);
            largest = max(largest, as_int16(fabs(values[i])));
        }

        // Where an input is infinite, its sign is what counts, in all that a scale multiplies by itself; NaN, whose bits are above, makes
        // all NaN. What is as small as this is 0.
        int largest_bits = largest_lane(largest);
        float magnitude = as_float(largest_bits);
        float scale = magnitude / top;
        float inverse = magnitude < 0x1p-100f ? 0 : top / magnitude;
        if (largest_bits >= 0x7f800000)
        {
            for (int i = 0; i < STEP / 16; i++)
            {
                values[i] = select((float16)0, copysign((float16)(parts == 3 ? 257 : 1), values[i]), isinf(values[i]));
            }

            scale = magnitude;
            inverse = 1;
        }

        int16 upper_sums = 0, lowest_sums = 0;
#pragma unroll
        for (int i = 0; i < STEP / 16; i++)
        {
            int16 numbers = convert_int16_rte(values[i] * inverse);

            // Bytes with two codes have those of even columns in their low halves.
            numbers = CODES_A_BYTE == 2 ? numbers.s024613578ace9bdf : numbers;
            if (parts == 3)
            {
                int16 lowest = numbers;
                numbers = (numbers + 128) >> 8;
                lowest -= numbers << 8;
                lowest_sums += lowest;
                vstore16(convert_char16(lowest), 0, to + 2 * STEP + i * 16);
            }

            upper_sums += numbers;
            int16 first = parts > 1 ? (numbers + 128) >> 8 : numbers;
            vstore16(convert_char16(first), 0, to + i * 16);
            if (parts > 1)
            {
                vstore16(convert_char16(numbers - (first << 8)), 0, to + STEP + i * 16);
            }
        }

        output_steps[row * steps + step] = (int4)(as_int(scale), sum_of_lanes(upper_sums), sum_of_lanes(lowest_sums), 0);
    }
#endif
}
