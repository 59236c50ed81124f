//: # float8 (e4m3): a sign, 4 bits of exponent with bias 7, 3 of mantissa: 448 at most, subnormal steps of 2^-9, no infinity, all other
//: # bits set is NaN.
//: section load
// From e4m3. The exponent's bias becomes 127; a subnormal gets a leading bit, which is subtracted again, so that no float32 is subnormal.
static float e4m3_to_float(uchar x)
{
    const int bits = convert_int(x);
    const int magnitude = bits & 0x7F;
    const int is_subnormal = -(magnitude < 8); // all bits set, or none
    const int leading = is_subnormal & (121 << 23); // the bits of 2^-6
    const int exponent = (120 << 23) - (is_subnormal << 23);
    const float number = as_float((magnitude << 20) + exponent) - as_float(leading);
    const float value = magnitude == 0x7F ? NAN : number;
    return as_float(as_int(value) | (bits & 0x80) << 24);
}
//: section load_vector
//: # Hole: width.
// From e4m3. The exponent's bias becomes 127; a subnormal gets a leading bit, which is subtracted again, so that no float32 is subnormal.
static float${width} e4m3_to_float${width}(uchar${width} x)
{
    const int${width} bits = convert_int${width}(x);
    const int${width} magnitude = bits & 0x7F;
    const int${width} is_subnormal = magnitude < 8; // all bits set, or none
    const int${width} leading = is_subnormal & (121 << 23); // the bits of 2^-6
    const int${width} exponent = (120 << 23) - (is_subnormal << 23);
    const float${width} number = as_float${width}((magnitude << 20) + exponent) - as_float${width}(leading);
    const float${width} value = select(number, (float${width})(NAN), magnitude == 0x7F);
    return as_float${width}(as_int${width}(value) | (bits & 0x80) << 24);
}
//: section load_16
//: # Only clang for a processor that converts vectors of float16 has __fp16.
#if defined(__clang__) && (defined(__F16C__) || defined(__aarch64__))
// From e4m3: as the float16 with the same exponent and mantissa it is smaller by 2^8, subnormals too; a NaN needs the exponent's fifth bit.
static float16 e4m3_to_float16(uchar16 x)
{
    typedef __fp16 halves __attribute__((ext_vector_type(16)));
    const short16 bits = convert_short16(as_char16(x)); // from bit 7 on all are the sign
    const short16 number = (bits << (short)7) & (short)0xBF80;
    const short16 is_nan = ((bits + (short)1) ^ bits) << (short)7 & (short)0x4000; // only there a carry reaches bit 7
    return __builtin_convertvector(__builtin_astype((short16)(number | is_nan), halves), float16) * 256.0f;
}
#else
//: include float8#load_vector(width: 16)
#endif
//: section store
// The e4m3 nearest to x / scale, ties to even, on every device; 448 for what is larger, NaN for NaN and infinities, which the type has not.
static uchar float_to_e4m3(float x, float scale, float inverse)
{
    const uint sign = (as_uint(x) >> 24) & 0x80;
    if (!isfinite(x))
    {
        return (uchar)(sign | 0x7F);
    }

    // In steps of the last bit: below is a value of the type, and whether x is past the middle to the next is found without rounding.
    const float y = fmin(fabs(x) * inverse, 448.0f);
    const int exponent = max((int)(as_uint(y) >> 23) - 127, -6);
    const int below = (int)(y * as_float((uint)(130 - exponent) << 23));
    const float middle = ((float)below + 0.5f) * as_float((uint)(124 + exponent) << 23);
    const float past = fma(-middle, scale, fabs(x));
    const int steps = below + (past > 0.0f || (past == 0.0f && (below & 1)));
    return (uchar)(sign | min((exponent + 6) * 8 + steps, 0x7E));
}
//: section store_row
//: # A function that stores a row, with the scale that its head has. Holes: name; parameters, with a leading comma, that the expression
//: # first needs: element d of the row.
//: once float8#store
// Stores a row; the work-items share out the elements.
static void ${name}(global const ${storage}* from, global ${cache}* to, float scale, int dim${parameters})
{
    const float inverse = 1.0f / scale;
    for (int d = get_local_id(0); d < dim; d += ${append_elements})
    {
        to[d] = float_to_e4m3(${first}, scale, inverse);
    }
}
//: section expand
//: # For tensor cores, elements become 16-bit elements, without their scales: of a register of four bytes two of two elements each. Some
//: # multiprocessors have an instruction for that (converts_float8).
//: if half and converts_float8
// Four e4m3 as float16.
static uint2 expand(uint raw)
{
    uint2 x;
    asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.rn.f16x2.e4m3x2 %0, low; cvt.rn.f16x2.e4m3x2 %1, high; }" : "=r"(x.s0), "=r"(x.s1) : "r"(raw));
    return x;
}
//: else
//: include float8#load_vector(width: 4)

// Four e4m3, exact in 16 bits.
static uint2 expand(uint raw)
{
    const float4 x = e4m3_to_float4(as_uchar4(raw));
    return (uint2)(pack(x.s0, x.s1), pack(x.s2, x.s3));
}
//: end
