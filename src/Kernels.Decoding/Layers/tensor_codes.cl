// Weights in codes of 4 or 8 bits whose rows are in groups of columns with a scale each, and some with a minimum, for tensor cores. Codes
// become bfloat16, or where ELEMENT is 1 those of E4M3 float16, without error, two at a time; scales multiply sums in float32. Set by the host: CODE (as the enum WeightCode), CODE_ZERO,
// GROUP, SCALE (as the enum WeightScale) and MINIMUM.
//
// A matrix lies in strips of 16 rows, a strip in units of 64 columns, and a unit in words of 4 bytes in the order in which the work-items of a
// warp multiply them: work-item 4 · g + t has rows g and g + 8, and of every 16 columns those from 4 · t on, 4 of them. Behind the codes are
// planes of scales, of what coded scales are multiplied by, and the same two of minima; in them too a work-item's numbers of a unit lie
// together. Columns and rows that fill up units have codes of 0, or scales of 0.
#define E4M3 3
#define E2M1 4
#define INT8 5
#define INT4 6
#define CODED 4

#define CODE_LOADS (CODE == E4M3 || CODE == INT8 ? 2 : 1) // 16 bytes each, a work-item and unit
#define STRIP_ROWS 16
#define SUBS (GROUP < 64 ? 64 / GROUP : 1)                // groups of a unit
#define FACTOR_SIZE (SCALE == 1 ? 4 : SCALE == 2 ? 2 : 1)
#define UNIT_FACTORS (2 * SUBS * FACTOR_SIZE)             // bytes of them of a work-item
#define SUPER_UNITS 4                                     // units that share what coded scales are multiplied by

#if UNIT_FACTORS == 2
typedef ushort raw_factors_t;
#elif UNIT_FACTORS == 4
typedef uint raw_factors_t;
#elif UNIT_FACTORS == 8
typedef uint2 raw_factors_t;
#elif UNIT_FACTORS == 16
typedef uint4 raw_factors_t;
#else
typedef uint8 raw_factors_t;
#endif

// Scales or minima of a work-item's rows in one unit.
typedef struct
{
    raw_factors_t raw;
    uint super; // two float16, for rows g and g + 8
} factors_t;

static size_t whole_pieces(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

static int factor_units(int columns)
{
    return GROUP < 64 ? (columns + 63) / 64 : ((columns + 63) / 64 * 64 + GROUP - 1) / GROUP;
}

static size_t strips_of(int rows)
{
    return (rows + STRIP_ROWS - 1) / STRIP_ROWS;
}

// Bytes of the codes of a matrix, of its scales without what they are multiplied by, and of all its scales; minima have as many.
static size_t unit_codes(int rows, int columns)
{
    return strips_of(rows) * ((columns + 63) / 64) * (512 * CODE_LOADS);
}

static size_t unit_scales(int rows, int columns)
{
    return whole_pieces(strips_of(rows) * factor_units(columns) * (8 * UNIT_FACTORS));
}

static size_t unit_factors(int rows, int columns)
{
    const size_t supers = whole_pieces(strips_of(rows) * (((columns + 63) / 64 + SUPER_UNITS - 1) / SUPER_UNITS) * 32);
    return unit_scales(rows, columns) + (SCALE == CODED ? supers : 0);
}

static size_t unit_matrix(int rows, int columns)
{
    return unit_codes(rows, columns) + (MINIMUM ? 2 : 1) * unit_factors(rows, columns);
}

static float float_of_half(ushort bits)
{
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}

// Those of a unit, from a plane of scales or minima on.
static factors_t factors_at(global const uchar* plane, size_t strip, int unit, int rows, int columns, int g)
{
    factors_t f;
    const size_t at = strip * factor_units(columns) + (GROUP < 64 ? unit : unit * 64 / GROUP);
    f.raw = ((global const raw_factors_t*)plane)[at * 8 + g];
    f.super = 0;
#if SCALE == CODED
    const size_t super_at = strip * (((columns + 63) / 64 + SUPER_UNITS - 1) / SUPER_UNITS) + unit / SUPER_UNITS;
    f.super = ((global const uint*)(plane + unit_scales(rows, columns)))[super_at * 8 + g];
#endif
    return f;
}

// The factor of a group of the unit, for row g, or g + 8.
static float factor_of(factors_t f, int sub, int below)
{
    union
    {
        raw_factors_t raw;
        uchar bytes[UNIT_FACTORS];
        ushort halves[(UNIT_FACTORS + 1) / 2];
        float floats[(UNIT_FACTORS + 3) / 4];
    } of;
    of.raw = f.raw;
    const int i = 2 * sub + below;
#if SCALE == 1
    return of.floats[i];
#elif SCALE == 2
    return float_of_half(of.halves[i]);
#elif SCALE == CODED
    return (char)of.bytes[i] * float_of_half(below ? f.super >> 16 : f.super & 0xFFFF);
#else
    // 0 is 2^-127, which is no normal number, and 255 is none: infinity times 0 makes it so.
    const float power = as_float(max((uint)of.bytes[i] << 23, 0x400000u));
    return fma(power, 0.0f, power);
#endif
}

static uint fma_pair(uint a, uint b, uint c)
{
    uint d;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}

// Four codes of a row in 16 columns, as pairs of bfloat16: of a word of 8 bits, or one half of a word of 4 bits.
static uint2 widen(uint word, int second)
{
#if CODE == E4M3 && ELEMENT
    // float16 by an instruction, of bytes side by side: the first and third number, and the second and fourth.
    uint2 pairs;
    asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.rn.f16x2.e4m3x2 %0, l; cvt.rn.f16x2.e4m3x2 %1, h; }"
        : "=r"(pairs.s0), "=r"(pairs.s1) : "r"(word));
    return pairs;
#elif CODE == E4M3
    // Exponent and mantissa where bfloat16 has theirs, and the difference of what is added to exponents made up for by 2^120.
    const uint a = word << 8 & 0x80008000 | word << 4 & 0x07F007F0, b = word & 0x80008000 | word >> 4 & 0x07F007F0;
    return (uint2)(fma_pair(a, 0x7B807B80, 0x80008000), fma_pair(b, 0x7B807B80, 0x80008000));
#elif CODE == E2M1
    // The same with 2^126.
    const uint a = second ? word << 4 & 0x80008000 | word >> 2 & 0x01C001C0 : word << 12 & 0x80008000 | word << 6 & 0x01C001C0;
    const uint b = second ? word & 0x80008000 | word >> 6 & 0x01C001C0 : word << 8 & 0x80008000 | word << 2 & 0x01C001C0;
    return (uint2)(fma_pair(a, 0x7E807E80, 0x80008000), fma_pair(b, 0x7E807E80, 0x80008000));
#elif CODE == INT8
    // 128 and the lower bits, as the mantissa of 128; less 128, or 256 where the sign is set.
    const uint high = word >> 8;
    return (uint2)(
        fma_pair(word & 0x007F007F | 0x43004300, 0x3F803F80, word & 0x00800080 | 0xC300C300),
        fma_pair(high & 0x007F007F | 0x43004300, 0x3F803F80, high & 0x00800080 | 0xC300C300));
#else
    const uint of = second ? word >> 8 : word, less = 0xC300C300 + CODE_ZERO * 0x00010001;
    return (uint2)(
        fma_pair(of & 0x000F000F | 0x43004300, 0x3F803F80, less), fma_pair(of >> 4 & 0x000F000F | 0x43004300, 0x3F803F80, less));
#endif
}

// The weights' fragment of 16 columns, out of a work-item's codes of a unit.
static uint4 fragment(const uint4* codes, int step)
{
#if CODE_LOADS == 2
    const uint4 all = codes[step / 2];
    const uint2 words = step % 2 == 0 ? all.lo : all.hi;
#else
    const uint2 words = step / 2 == 0 ? codes[0].lo : codes[0].hi;
#endif
    const uint2 above = widen(words.s0, step % 2), below = widen(words.s1, step % 2);
    return (uint4)(above.s0, below.s0, above.s1, below.s1);
}
