// Linear layers by NVIDIA's tensor cores: y[t, r] = x[t] · w[r] (+ bias[r]) (+ y[t, r]) for weights of 16 bits. What is multiplied of x are 16-bit
// parts, one near it and one near what is left, together 16 bits of bfloat16 or 22 of float16; of many tokens the first alone, as the weights
// have no more bits. Set by the host: ELEMENT (0: bfloat16, 1: float16), and which kernel is built, with its numbers.
//
// Weights and the parts of many tokens lie in blocks of 64 rows and 64 columns, 8 KiB each, row after row of blocks. Within a block are rows
// of 128 bytes, whose pieces of 16 bytes are exchanged as wgmma wants them. What fills up blocks is 0 in columns, anything in rows.
#if ELEMENT
#define TYPE "f16"
#else
#define TYPE "bf16"
#endif
#define BIAS 1
#define ACCUMULATE 2

// Of a matrix with so many blocks in a row, the place of 8 columns of a row, in pieces of 16 bytes.
static size_t piece_at(int row, int piece, int blocks)
{
    return ((size_t)(row / 64) * blocks + piece / 8) * 512 + row % 64 * 8 + (piece % 8 ^ row % 8);
}

static float total(float sum, global const float* bias, global const float* y, size_t at, int row, int flags)
{
    sum += flags & BIAS ? bias[row] : 0.0f;
    return sum + (flags & ACCUMULATE ? y[at] : 0.0f);
}

// Two numbers as 16-bit elements in one register, the first in the low half.
static uint pack(float low, float high)
{
    uint packed;
    asm("cvt.rn." TYPE "x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

static float2 unpack(uint packed)
{
#if ELEMENT
    float2 both;
    asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(both.s0), "=f"(both.s1) : "r"(packed));
    return both;
#else
    return (float2)(as_float(packed << 16), as_float(packed & 0xFFFF0000));
#endif
}

static float4 mma(uint a0, uint a1, uint a2, uint a3, uint b0, uint b1, float4 c)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c.s0), "+f"(c.s1), "+f"(c.s2), "+f"(c.s3) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    return c;
}

// Weights are read once.
static uint4 stream(global const uint4* p)
{
    uint4 r;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(r.s0), "=r"(r.s1), "=r"(r.s2), "=r"(r.s3) : "l"(p));
    return r;
}
