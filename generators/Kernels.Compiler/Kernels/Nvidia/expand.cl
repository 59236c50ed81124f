//: # Elements of a quantised cache become 16-bit elements, without their scales: 'expand' makes of a register of four bytes two of two
//: # elements each, of one of eight four-bit integers four. Integers are put into the mantissa of a number whose exponent gives them
//: # their value, since the conversion instructions of a multiprocessor are few.
//: if int8 and half
static uint subtract_halves(uint a, uint b)
{
    uint x;
    asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(x) : "r"(a), "r"(b));
    return x;
}

static uint permute(uint a, uint b, uint bytes)
{
    uint x;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(x) : "r"(a), "r"(b), "r"(bytes));
    return x;
}

// Four int8 as float16: 0x6400 is 1024, in whose last bits there is room for a byte.
static uint2 expand(uint raw)
{
    const uint x = raw ^ 0x80808080;
    return (uint2)(subtract_halves(permute(x, 0x64646464, 0x4140), 0x64806480), subtract_halves(permute(x, 0x64646464, 0x4342), 0x64806480));
}
//: elif int8
// Byte i of four as a float32 of 2^23 + byte.
static float place_byte(uint bytes, uint i)
{
    uint x;
    asm("prmt.b32 %0, %1, 0x4B000000, %2;" : "=r"(x) : "r"(bytes), "r"(0x7540 + i));
    return as_float(x);
}

// Four int8 as bfloat16.
static uint2 expand(uint raw)
{
    const uint x = raw ^ 0x80808080;
    const float zero = 8388736.0f; // 2^23 + 128
    return (uint2)(pack(place_byte(x, 0) - zero, place_byte(x, 1) - zero), pack(place_byte(x, 2) - zero, place_byte(x, 3) - zero));
}
//: elif int4 and half
static uint subtract_halves(uint a, uint b)
{
    uint x;
    asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(x) : "r"(a), "r"(b));
    return x;
}

// Eight int4 as float16, i and i + 4 in a register: 0x6400 is 1024, in whose last bits there is room for them.
static uint4 expand(uint raw)
{
    return (uint4)(
        subtract_halves((raw & 0x000F000F) ^ 0x64086408, 0x64086408),
        subtract_halves((raw >> 4 & 0x000F000F) ^ 0x64086408, 0x64086408),
        subtract_halves((raw >> 8 & 0x000F000F) ^ 0x64086408, 0x64086408),
        subtract_halves((raw >> 12 & 0x000F000F) ^ 0x64086408, 0x64086408));
}
//: elif int4
// Four-bit integer i of eight as a float32, by way of 2^23 + 8 + integer.
static float place_nibble(uint raw, int i)
{
    return as_float((raw >> (4 * i) & 15) ^ 0x4B000008) - 8388616.0f;
}

// Eight int4 as bfloat16, i and i + 4 in a register.
static uint4 expand(uint raw)
{
    return (uint4)(
        pack(place_nibble(raw, 0), place_nibble(raw, 4)), pack(place_nibble(raw, 1), place_nibble(raw, 5)),
        pack(place_nibble(raw, 2), place_nibble(raw, 6)), pack(place_nibble(raw, 3), place_nibble(raw, 7)));
}
//: elif half and converts_float8
// Four e4m3 as float16.
static uint2 expand(uint raw)
{
    uint2 x;
    asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.rn.f16x2.e4m3x2 %0, low; cvt.rn.f16x2.e4m3x2 %1, high; }" : "=r"(x.s0), "=r"(x.s1) : "r"(raw));
    return x;
}
//: else
//: include load_function(width: 4)

// Four e4m3, exact in 16 bits.
static uint2 expand(uint raw)
{
    const float4 x = e4m3_to_float4(as_uchar4(raw));
    return (uint2)(pack(x.s0, x.s1), pack(x.s2, x.s3));
}
//: end
