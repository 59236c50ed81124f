// Over the eight work-items that hold scores of the same rows.
static float2 rows_maximum(float2 x)
{
    for (int mask = 4; mask < 32; mask *= 2)
    {
        x = fmax(x, (float2)(shuffle_xor(x.s0, mask), shuffle_xor(x.s1, mask)));
    }
    return x;
}

static float2 rows_total(float2 x)
{
    for (int mask = 4; mask < 32; mask *= 2)
    {
        x += (float2)(shuffle_xor(x.s0, mask), shuffle_xor(x.s1, mask));
    }
    return x;
}

// Whether a condition holds for any work-item of the warp.
static int any_of_warp(int condition)
{
    int any;
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %1, 0; vote.sync.any.pred p, p, 0xffffffff; selp.s32 %0, 1, 0, p; }" : "=r"(any) : "r"(condition));
    return any;
}
