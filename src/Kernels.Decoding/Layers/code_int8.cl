// Integers of 8 bits.
static float code(uint bits)
{
    return (char)bits;
}

// The same of 16; bits above a code's own may be set.
static float16 code16(uint16 bits)
{
    return convert_float16(as_int16(bits << 24) >> 24);
}

// For dot products of bytes: the codes, DOT_ZERO above their value in units of DOT_UNIT.
#define DOT_ZERO 128
#define DOT_UNIT 1.0f
static uint16 dot_codes(uint16 bytes, int half_byte)
{
    return bytes ^ 0x80808080u;
}
