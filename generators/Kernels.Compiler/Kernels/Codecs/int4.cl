//: # int4: integers of four bits in two's complement, two in a byte, times the scale of their row, which brings the row's largest element
//: # to 7.
//: section load
//: # Hole: width.
// ${width} four-bit integers in two's complement, the even ones in the low halves of their bytes.
static float${width} nibbles_to_float${width}(uchar${codec.bytes_of(${width})} bytes)
{
    int${width} x;
    x.even = convert_int${codec.bytes_of(${width})}(bytes & (uchar)15);
    x.odd = convert_int${codec.bytes_of(${width})}(bytes >> (uchar)4);
    return convert_float${width}((x ^ 8) - 8);
}
//: section store_row
//: include store_integer_row(largest_integer: 7, reciprocal: 0.142857149f, store_elements: int4#store_elements)
//: section store_elements
for (int d = get_local_id(0) * 2; d < dim; d += ${append_elements})
{
    to[d / 2] = (uchar)((quantize(${first}, scale, inverse) & 15) | (quantize(${second}, scale, inverse) << 4));
}
//: section expand
//: # For tensor cores, elements become 16-bit elements, without their scales: of a register of eight integers four of two each.
//: # Integers are put into the mantissa of a number whose exponent gives them their value, since the conversion instructions of a
//: # multiprocessor are few.
//: if half
//: include Sm80/ptx/subtract_halves

// Eight int4 as float16, i and i + 4 in a register: 0x6400 is 1024, in whose last bits there is room for them.
static uint4 expand(uint raw)
{
    return (uint4)(
        subtract_halves((raw & 0x000F000F) ^ 0x64086408, 0x64086408),
        subtract_halves((raw >> 4 & 0x000F000F) ^ 0x64086408, 0x64086408),
        subtract_halves((raw >> 8 & 0x000F000F) ^ 0x64086408, 0x64086408),
        subtract_halves((raw >> 12 & 0x000F000F) ^ 0x64086408, 0x64086408));
}
//: else
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
//: end
