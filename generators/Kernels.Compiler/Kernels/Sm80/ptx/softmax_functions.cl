// Two float32 as 16-bit elements in one register, the first in the low half.
static uint pack(float low, float high)
{
    uint packed;
    asm volatile("cvt.rn.${element}x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

static float shuffle_xor(float x, int mask)
{
    float y;
    asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(mask));
    return y;
}

//: if !transforms
// Whether a maximum is so large that what the multiply-add of an exponent does not round, as it did, is more than a few.
static int is_large(float maximum)
{
    return fabs(maximum) > 1.0e7f && maximum > -INFINITY;
}

//: end
static float shuffle_from(float x, int lane)
{
    float y;
    asm volatile("shfl.sync.idx.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(lane));
    return y;
}

// Bit l: whether the condition holds for work-item l of the warp.
static uint ballot(int condition)
{
    uint all;
    asm volatile("{ .reg .pred p; setp.ne.s32 p, %1, 0; vote.sync.ballot.b32 %0, p, 0xffffffff; }" : "=r"(all) : "r"(condition));
    return all;
}

// 2^x; the hardware's function, 0 for -inf.
static float exp2_fast(float x)
{
    float y;
    asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
