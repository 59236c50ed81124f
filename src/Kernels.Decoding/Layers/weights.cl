// Weights are read in their stored type and widened to float on the way. WEIGHT_BITS, WEIGHT_BFLOAT, and of the matrices of linear
// layers PANEL_ROWS, the rows of a panel, and WORD_BYTES, the bytes of a row that lie side by side in it, are set by the host.
#if WEIGHT_BITS == 32
typedef float weight_t;
#elif WEIGHT_BFLOAT
typedef ushort weight_t; // bfloat16: the upper half of a float
#else
typedef half weight_t;
#endif

static float weight(global const weight_t *w, size_t i)
{
#if WEIGHT_BITS == 32
    return w[i];
#elif WEIGHT_BFLOAT
    return as_float((uint)w[i] << 16);
#else
    return vload_half(i, w);
#endif
}

// Elements i to i + 15, at any alignment.
static float16 weight16(global const weight_t *w, size_t i)
{
#if WEIGHT_BITS == 32
    return vload16(0, w + i);
#elif WEIGHT_BFLOAT
    return as_float16(convert_uint16(vload16(0, w + i)) << 16);
#else
    return vload_half16(0, w + i);
#endif
}

// Elements i to i + 7; i is a multiple of 8, so that the load can be one instruction.
static float8 weight8_aligned(global const weight_t *w, size_t i)
{
#if WEIGHT_BITS == 32
    return *(global const float8 *)(w + i);
#elif WEIGHT_BFLOAT
    return as_float8(convert_uint8(*(global const ushort8 *)(w + i)) << 16);
#else
    return vloada_half8(0, w + i);
#endif
}

// What kernels ask for by rows and columns, so that the same text reads weights in groups too.
#define PADDED(rows) ((size_t)((rows) + PANEL_ROWS - 1) / PANEL_ROWS * PANEL_ROWS)
#define EIGHT_OF_A_GROUP(columns) ((columns) % 8 == 0)

static size_t matrix_weights(int rows, int columns)
{
    return PADDED(rows) * columns;
}

static float weight_at(global const weight_t *w, int rows, int columns, size_t row, int column)
{
    int word = max(WORD_BYTES / (int)sizeof(weight_t), 1);
    return weight(w, ((row / PANEL_ROWS * columns + column / word * word) * PANEL_ROWS) + row % PANEL_ROWS * word + column % word);
}

static float8 weight8_at(global const weight_t *w, int rows, int columns, size_t row, int column)
{
    return weight8_aligned(w, row * columns + column);
}

static float16 weight16_at(global const weight_t *w, int rows, int columns, size_t row, int column)
{
    return weight16(w, row * columns + column);
}
