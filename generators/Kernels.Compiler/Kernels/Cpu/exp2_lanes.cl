// 2^x for x <= 0, 0 where it is smaller than a normal number, NaN of NaN: x = n + f with f in [-1/2, 1/2], a polynomial for 2^f, times 2^n.
static lanes_float exp2_lanes(lanes_float x)
{
#ifdef __AVX512DQ__ // has both steps around the polynomial
    const lanes_float f = __builtin_ia32_reduceps512_mask(x, 0, x, (ushort)-1, 4);
#else
    const lanes_float bounded = x < -127.0f ? (lanes_float)(-127.0f) : x;
    const lanes_float shifted = bounded + 12582912.0f; // 1.5 x 2^23: the sum has n in its low bits
    const lanes_float f = bounded - (shifted - 12582912.0f);
#endif
    lanes_float y = (lanes_float)(1.3276472e-3f);
    y = fma(y, f, (lanes_float)(9.6755413e-3f));
    y = fma(y, f, (lanes_float)(5.5507133e-2f));
    y = fma(y, f, (lanes_float)(2.4022120e-1f));
    y = fma(y, f, (lanes_float)(6.9314697e-1f));
    y = fma(y, f, (lanes_float)(1.0f));
#ifdef __AVX512DQ__
    const ushort counts = __builtin_ia32_cmpps512_mask(x, (lanes_float)(-126.0f), 22, (ushort)-1, 4); // 22: not less, or NaN
    return __builtin_ia32_scalefps512_mask(y, x - f, (lanes_float)(0.0f), counts, 4); // y * 2^(x - f)
#else
    return y * as_float16((as_int16(shifted) + 127) << 23); // 2^n; 0 for n = -127
#endif
}
