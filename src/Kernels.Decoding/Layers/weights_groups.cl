// Weights in codes of 4 or 8 bits whose rows are in groups of columns with a scale each, and some with a minimum: weight = scale · code
// (+ minimum). A matrix is planes of codes, scales and minima that lie as matrices do, each from a multiple of 16 bytes on. The host
// sets CODE_BITS, GROUP, SCALE, MINIMUM, PANEL_ROWS and WORD_BYTES, and puts before this what reads codes.
typedef uchar weight_t;

#define SCALE_FLOAT 1 // float32
#define SCALE_HALF 2  // float16
#define SCALE_POWER 3 // a power of two, by its exponent + 127
#define SCALE_CODED 4 // an integer of 8 bits times a float16 that SUPER columns share

#define SUPER 256
#define CODES_A_BYTE (8 / CODE_BITS)
#define SCALE_BYTES (SCALE == SCALE_FLOAT ? 4 : SCALE == SCALE_HALF ? 2 : 1)
#define PADDED(rows) ((size_t)((rows) + PANEL_ROWS - 1) / PANEL_ROWS * PANEL_ROWS)
#define GROUPS(columns) (((columns) + GROUP - 1) / GROUP)
#define SUPERS(columns) (((columns) + SUPER - 1) / SUPER)

static size_t plane(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

// The bytes before the scales, those of the scales (and of the minima) with what they are multiplied by, and those of a matrix.
static size_t codes_bytes(int rows, int columns)
{
    return plane(PADDED(rows) * ((size_t)columns / CODES_A_BYTE));
}

static size_t factors_bytes(int rows, int columns)
{
    size_t bytes = plane(PADDED(rows) * GROUPS(columns) * SCALE_BYTES);
    return SCALE == SCALE_CODED ? bytes + plane(PADDED(rows) * SUPERS(columns) * 2) : bytes;
}

static size_t matrix_weights(int rows, int columns)
{
    return codes_bytes(rows, columns) + (MINIMUM ? 2 : 1) * factors_bytes(rows, columns);
}

// Where element (row, i) of a plane with so many elements a row lies, of which so many are side by side.
static size_t place(size_t row, int elements, int i, int word)
{
    return (row / PANEL_ROWS * elements + i / word * word) * PANEL_ROWS + row % PANEL_ROWS * word + i % word;
}

static uint code_bits(global const weight_t *w, int columns, size_t row, int column)
{
#if CODE_BITS == 4
    return w[place(row, columns / 2, column / 2, WORD_BYTES)] >> column % 2 * 4 & 15;
#else
    return w[place(row, columns, column, WORD_BYTES)];
#endif
}

// The factor of a row's group; factors are the scales or the minima.
static float factor_at(global const uchar *factors, int rows, int columns, size_t row, int column)
{
    size_t i = place(row, GROUPS(columns), column / GROUP, 1);
#if SCALE == SCALE_FLOAT
    return ((global const float *)factors)[i];
#elif SCALE == SCALE_HALF
    return vload_half(i, (global const half *)factors);
#elif SCALE == SCALE_POWER
    uint exponent = factors[i];
    return exponent == 0 ? as_float(0x400000u) : exponent == 255 ? NAN : as_float(exponent << 23);
#else
    global const half *supers = (global const half *)(factors + plane(PADDED(rows) * GROUPS(columns)));
    return (char)factors[i] * vload_half(place(row, SUPERS(columns), column / SUPER, 1), supers);
#endif
}

static float weight_at(global const weight_t *w, int rows, int columns, size_t row, int column)
{
    global const uchar *scales = w + codes_bytes(rows, columns);
    float scale = factor_at(scales, rows, columns, row, column);
    float value = code(code_bits(w, columns, row, column));
#if MINIMUM
    return fma(scale, value, factor_at(scales + factors_bytes(rows, columns), rows, columns, row, column));
#else
    return scale * value;
#endif
}

// Whether eight and sixteen columns from a multiple of as many on are of one group.
#define EIGHT_OF_A_GROUP(columns) (GROUP % 8 == 0 && (columns) % 8 == 0)

// Columns to column + 7 of a row-major matrix, all of one group.
static float8 weight8_at(global const weight_t *w, int rows, int columns, size_t row, int column)
{
    float values[8];
    global const uchar *scales = w + codes_bytes(rows, columns);
    float scale = factor_at(scales, rows, columns, row, column);
#if CODE_BITS == 4
    uchar4 bytes = vload4(0, w + (row * columns + column) / 2);
    values[0] = code(bytes.x & 15), values[1] = code(bytes.x >> 4), values[2] = code(bytes.y & 15), values[3] = code(bytes.y >> 4);
    values[4] = code(bytes.z & 15), values[5] = code(bytes.z >> 4), values[6] = code(bytes.w & 15), values[7] = code(bytes.w >> 4);
#else
    uchar8 bytes = vload8(0, w + row * columns + column);
    values[0] = code(bytes.s0), values[1] = code(bytes.s1), values[2] = code(bytes.s2), values[3] = code(bytes.s3);
    values[4] = code(bytes.s4), values[5] = code(bytes.s5), values[6] = code(bytes.s6), values[7] = code(bytes.s7);
#endif
    float8 result = scale * vload8(0, values);
#if MINIMUM
    result += factor_at(scales + factors_bytes(rows, columns), rows, columns, row, column);
#endif
    return result;
}

// Columns to column + 15 of a row-major matrix.
static float16 weight16_at(global const weight_t *w, int rows, int columns, size_t row, int column)
{
    float values[16];
    for (int i = 0; i < 16; i++)
    {
        values[i] = weight_at(w, rows, columns, row, column + i);
    }

    return vload16(0, values);
}

// Halves 16 · i to 16 · i + 15 as floats. Their bits are loaded as one vector, which vload_half16 is not on every compiler.
static float16 halves16(global const uchar *halves, size_t i)
{
#ifdef __AVX512F__
    return __builtin_ia32_vcvtph2ps512_mask(vload16(i, (global const short *)halves), (float16)0, -1, 4);
#else
    return vload_half16(i, (global const half *)halves);
#endif
}

// The factors of the 16 rows of a panel.
static float16 factor16(global const uchar *factors, int rows, int columns, size_t panel, int column)
{
    size_t i = panel * GROUPS(columns) + column / GROUP;
#if SCALE == SCALE_FLOAT
    return vload16(i, (global const float *)factors);
#elif SCALE == SCALE_HALF
    return halves16(factors, i);
#elif SCALE == SCALE_POWER
    uint16 exponents = convert_uint16(vload16(i, factors));
    float16 powers = as_float16(select(exponents << 23, (uint16)0x400000u, exponents == 0));
    return select(powers, (float16)NAN, exponents == 255);
#else
    global const uchar *supers = factors + plane(PADDED(rows) * GROUPS(columns));
    return convert_float16(as_char16(vload16(i, factors))) * halves16(supers, panel * SUPERS(columns) + column / SUPER);
#endif
}
