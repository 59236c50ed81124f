// Integers of 4 bits, less CODE_ZERO.
static float code(uint bits)
{
    return (int)(bits & 15) - CODE_ZERO;
}

// The same of 16; bits above a code's own may be set.
static float16 code16(uint16 bits)
{
#ifdef __AVX512F__
    const float16 values = (float16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15) - CODE_ZERO;
    return __builtin_ia32_permvarsf512(values, as_int16(bits));
#else
    return convert_float16(as_int16(bits & 15) - CODE_ZERO);
#endif
}

// For dot products of bytes: the codes of each byte's half, DOT_ZERO above their value in units of DOT_UNIT.
#define DOT_ZERO CODE_ZERO
#define DOT_UNIT 1.0f
static uint16 dot_codes(uint16 bytes, int half_byte)
{
    return (half_byte ? bytes >> 4 : bytes) & 0x0f0f0f0fu;
}
