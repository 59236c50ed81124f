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
