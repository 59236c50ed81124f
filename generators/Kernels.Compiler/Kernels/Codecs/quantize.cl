//: # x times inverse can be off by a little more than the rounding of one product, and how much is the device's affair: close to the
//: # middle between two integers it can round to the wrong one. The remainder is exact, so it shows that.
// The integer nearest to x / scale, ties to even, on every device: the remainder tells whether the product was rounded to the wrong side.
static int quantize(float x, float scale, float inverse)
{
    if (!(scale > 0.0f))
    {
        return 0;
    }

    const float nearest = rint(x * inverse);
    const float remainder = fma(-nearest, scale, x); // exact
    const float middle = 0.5f * scale;
    const int q = (int)nearest;
    const int odd = q & 1;
    return q + (remainder > middle || (odd && remainder == middle)) - (remainder < -middle || (odd && remainder == -middle));
}
