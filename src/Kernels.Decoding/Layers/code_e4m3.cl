// E4M3: a sign, four bits of exponent and three of mantissa, up to 448; all ones are NaN.
static float code(uint bits)
{
    uint magnitude = bits & 0x7f;
    float value = magnitude < 8 ? magnitude * 0x1p-9f : magnitude == 0x7f ? NAN : as_float((magnitude << 20) + (120u << 23));
    return bits & 0x80 ? -value : value;
}

// The same of 16; bits above a code's own may be set.
static float16 code16(uint16 bits)
{
    uint16 magnitude = bits & 0x7f;

    // Subnormals are steps of 2^-9: with 2^-6, whose mantissa ends there, above them they are exact, and it is taken away again.
    float16 small = as_float16((magnitude << 20) + (121u << 23)) - 0x1p-6f;
    float16 value = select(as_float16((magnitude << 20) + (120u << 23)), small, magnitude < 8);
    value = select(value, (float16)NAN, magnitude == 0x7f);
    return as_float16(as_uint16(value) | (bits & 0x80) << 24);
}
