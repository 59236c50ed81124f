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
