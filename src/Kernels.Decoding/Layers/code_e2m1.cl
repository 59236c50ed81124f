// E2M1: a sign, two bits of exponent and one of mantissa: 0, 0.5, 1, 1.5, 2, 3, 4 and 6.
static float code(uint bits)
{
    uint exponent = bits >> 1 & 3, mantissa = bits & 1;
    float magnitude = exponent == 0 ? mantissa * 0.5f : as_float((exponent + 126) << 23 | mantissa << 22);
    return bits & 8 ? -magnitude : magnitude;
}

// The same of 16; bits above a code's own may be set.
static float16 code16(uint16 bits)
{
#ifdef __AVX512F__
    const float16 values = (float16)(0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6);
    return __builtin_ia32_permvarsf512(values, as_int16(bits));
#else
    uint16 exponent = bits >> 1 & 3, mantissa = bits & 1;
    uint16 normal = (exponent + 126) << 23 | mantissa << 22;
    uint16 magnitude = select(normal, mantissa * 0x3f000000u, exponent == 0);
    return as_float16(magnitude | (bits & 8) << 28);
#endif
}

// For dot products of bytes: the values of each byte's half, doubled and DOT_ZERO above, in units of DOT_UNIT.
#ifdef __AVX512BW__
#define DOT_ZERO 12
#define DOT_UNIT 0.5f
static uint16 dot_codes(uint16 bytes, int half_byte)
{
    const uint16 table = (uint16)(0x0f0e0d0cu, 0x18141210u, 0x090a0b0cu, 0x00040608u,
                                  0x0f0e0d0cu, 0x18141210u, 0x090a0b0cu, 0x00040608u,
                                  0x0f0e0d0cu, 0x18141210u, 0x090a0b0cu, 0x00040608u,
                                  0x0f0e0d0cu, 0x18141210u, 0x090a0b0cu, 0x00040608u);
    uint16 halves = (half_byte ? bytes >> 4 : bytes) & 0x0f0f0f0fu, values;
    __asm__("vpshufb %2, %1, %0" : "=v"(values) : "v"(table), "v"(halves));
    return values;
}
#endif
