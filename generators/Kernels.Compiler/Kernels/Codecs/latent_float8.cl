//: # A row of a latent cache in e4m3: those of the value's elements, then a scale for each group of them, then the elements after the
//: # value, if there are any (codec.has_tail), in bfloat16. What is loaded has been multiplied with its scale.
//: section constants
#define SCALE_GROUP ${codec.scale_group} // elements of a value that share a scale
#define SCALES_AT ${codec.scales_at} // bytes of a row before its scales: an e4m3 for each element of the value
//: if codec.has_tail
#define TAIL_AT ${codec.tail_at} // bytes of a row before its elements after the value, in bfloat16
//: end
#define ROW_BYTES ${codec.row_bytes}
//: section load
//: include float8#load

// Element d of a row, as float32.
static float load_latent(global const uchar* row, int d)
{
    //: if codec.has_tail
    if (d >= VALUE_DIM)
    {
        return as_float((uint)*((global const ushort*)(row + TAIL_AT) + (d - VALUE_DIM)) << 16);
    }
    //: end
    return e4m3_to_float(row[d]) * ((global const float*)(row + SCALES_AT))[d / SCALE_GROUP];
}
//: section load_vector
//: # Holes: width; last, width - 1.
//: include float8#load_vector

//: include latent_float8#load_latent(last: ${codec.one_less(${width})})
//: section load_16
//: include float8#load_16

//: include latent_float8#load_latent(last: 15)
//: section load_latent
//: # Holes: width; last, width - 1.
// Elements d to d + ${last} of a row, as float32.
static float${width} load_latent${width}(global const uchar* row, int d)
{
    //: if codec.has_tail
    if (d >= VALUE_DIM)
    {
        return as_float${width}(convert_uint${width}(vload${width}(0, (global const ushort*)(row + TAIL_AT) + (d - VALUE_DIM))) << 16);
    }
    //: end
    return e4m3_to_float${width}(vload${width}(0, row + d)) * ((global const float*)(row + SCALES_AT))[d / SCALE_GROUP];
}
