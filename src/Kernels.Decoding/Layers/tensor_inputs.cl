// The fragments of eight numbers: of those next to them, and of what is left.
static void split(float8 v, uint4* near, uint4* left)
{
    *near = (uint4)(pack(v.s0, v.s1), pack(v.s2, v.s3), pack(v.s4, v.s5), pack(v.s6, v.s7));
    const float8 rest = v - (float8)(unpack(near->s0), unpack(near->s1), unpack(near->s2), unpack(near->s3));
    *left = (uint4)(pack(rest.s0, rest.s1), pack(rest.s2, rest.s3), pack(rest.s4, rest.s5), pack(rest.s6, rest.s7));
}

// As the enum Activation: SiLU, GELU, GELU by tanh.
static float activate(float x, int kind)
{
    if (kind == 1)
    {
        return 0.5f * x * (1.0f + erf(x * M_SQRT1_2_F));
    }
    const float z = kind == 2 ? 2.0f * M_2_SQRTPI_F * M_SQRT1_2_F * (x + 0.044715f * x * x * x) : x;
    return x / (1.0f + exp(-z));
}

static float8 activate8(float8 x, int kind)
{
    return (float8)(
        activate(x.s0, kind), activate(x.s1, kind), activate(x.s2, kind), activate(x.s3, kind),
        activate(x.s4, kind), activate(x.s5, kind), activate(x.s6, kind), activate(x.s7, kind));
}

#if ELEMENT
// The largest of a warp's numbers, none of which is negative.
static float largest_of_warp(float8 v)
{
    const float4 large = fmax(fabs(v.lo), fabs(v.hi));
    uint most;
    asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;"
        : "=r"(most) : "r"(as_uint(fmax(fmax(large.s0, large.s1), fmax(large.s2, large.s3)))));
    return as_float(most);
}
#endif
