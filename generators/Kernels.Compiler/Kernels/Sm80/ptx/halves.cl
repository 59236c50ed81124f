static uint low_halves(uint a, uint b)
{
    return (a & 0xFFFF) | b << 16;
}

static uint high_halves(uint a, uint b)
{
    return a >> 16 | (b & 0xFFFF0000);
}
