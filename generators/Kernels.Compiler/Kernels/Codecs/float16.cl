//: # float16 is loaded and stored by vload_half and vstore_half, which are core OpenCL C: the device need not calculate in half precision.
//: section load_16
//: # Only clang for a processor that converts vectors of float16 has __fp16.
// 16 elements. Processors convert a whole vector in one instruction; a driver's vload_half16 may put it together from halves.
static float16 load_half16(global const half* from)
{
#if defined(__clang__) && (defined(__F16C__) || defined(__aarch64__))
    typedef __fp16 halves __attribute__((ext_vector_type(16), aligned(2)));
    return __builtin_convertvector(*(global const halves*)from, float16);
#else
    return vload_half16(0, from);
#endif
}
//: section piece
//: # Of the vector as a whole some compilers make smaller loads.
// 8 elements, two of them in each uint.
static float2 halves_to_float2(uint halves) { return vload_half2(0, (const half*)&halves); }
static float8 halves_to_float8(uint4 x)
{
    return (float8)(halves_to_float2(x.s0), halves_to_float2(x.s1), halves_to_float2(x.s2), halves_to_float2(x.s3));
}
