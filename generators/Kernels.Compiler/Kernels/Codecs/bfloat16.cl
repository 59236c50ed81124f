//: # bfloat16 is the upper half of a float32.
//: section piece
// 8 elements, two of them in each uint.
static float8 bfloat16_to_float8(uint4 x)
{
    const float4 even = as_float4(x << 16);
    const float4 odd = as_float4(x & 0xFFFF0000);
    return (float8)(even.s0, odd.s0, even.s1, odd.s1, even.s2, odd.s2, even.s3, odd.s3);
}
//: section store
// Rounds a float32 to bfloat16, ties to even; NaN stays NaN.
static ushort float_to_bfloat16(float x)
{
    uint bits = as_uint(x);
    return isnan(x) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
