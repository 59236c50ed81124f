// c += a (16 x 16) times b (16 x 8), but for a warp whose work-items all say that it `is_needless`.
static float4 mma_m16n8k16(float4 c, uint4 a, uint2 b, int is_needless)
{
    asm volatile("{ .reg .pred needless; setp.ne.s32 needless, %10, 0;\n"
        "@!needless mma.sync.aligned.m16n8k16.row.col.f32.${element}.${element}.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3}; }"
        : "+f"(c.s0), "+f"(c.s1), "+f"(c.s2), "+f"(c.s3) : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b.s0), "r"(b.s1), "r"(is_needless));
    return c;
}

// An 8 x 8 matrix of 16-bit elements, transposed: work-item l has two adjacent elements of row l / 4.
static uint transpose(uint x)
{
    uint y;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
    return y;
}
