//: # int8: an integer in two's complement times the scale of its row, which brings the row's largest element to 127.
//: section store_row
//: include store_integer_row(largest_integer: 127, reciprocal: 0.00787401572f, store_elements: int8#store_elements)
//: section store_elements
for (int d = get_local_id(0); d < dim; d += ${append_elements})
{
    to[d] = (char)quantize(${first}, scale, inverse);
}
//: section expand
//: # For tensor cores, elements become 16-bit elements, without their scales: of a register of four bytes two of two elements each.
//: # Integers are put into the mantissa of a number whose exponent gives them their value, since the conversion instructions of a
//: # multiprocessor are few.
//: if half
//: include Sm80/ptx/subtract_halves

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
//: else
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
//: end
