static uint subtract_halves(uint a, uint b)
{
    uint x;
    asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(x) : "r"(a), "r"(b));
    return x;
}
