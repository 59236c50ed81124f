// The e4m3 nearest to x / scale, ties to even, on every device; 448 for what is larger, NaN for NaN and infinities, which the type has not.
static uchar float_to_e4m3(float x, float scale, float inverse)
{
    const uint sign = (as_uint(x) >> 24) & 0x80;
    if (!isfinite(x))
    {
        return (uchar)(sign | 0x7F);
    }

    // In steps of the last bit: below is a value of the type, and whether x is past the middle to the next is found without rounding.
    const float y = fmin(fabs(x) * inverse, 448.0f);
    const int exponent = max((int)(as_uint(y) >> 23) - 127, -6);
    const int below = (int)(y * as_float((uint)(130 - exponent) << 23));
    const float middle = ((float)below + 0.5f) * as_float((uint)(124 + exponent) << 23);
    const float past = fma(-middle, scale, fabs(x));
    const int steps = below + (past > 0.0f || (past == 0.0f && (below & 1)));
    return (uchar)(sign | min((exponent + 6) * 8 + steps, 0x7E));
}
