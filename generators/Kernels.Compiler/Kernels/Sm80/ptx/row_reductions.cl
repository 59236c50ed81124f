// Over the four work-items that hold a row.
static float row_maximum(float x)
{
    x = fmax(x, shuffle_xor(x, 1));
    return fmax(x, shuffle_xor(x, 2));
}

static float row_total(float x)
{
    x += shuffle_xor(x, 1);
    return x + shuffle_xor(x, 2);
}
