// c += a (16 x 16) times b (16 x 8).
static float4 mma_m16n8k16(float4 c, uint4 a, uint b0, uint b1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.${element}.${element}.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c.s0), "+f"(c.s1), "+f"(c.s2), "+f"(c.s3) : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b0), "r"(b1));
    return c;
}
