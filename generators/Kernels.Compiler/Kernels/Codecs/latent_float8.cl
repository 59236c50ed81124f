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
//: # Hole: width.
//: include float8#load_vector

//: include latent_float8#load_latent
//: section load_16
//: include float8#load_16

//: include latent_float8#load_latent
//: section load_latent
//: # Hole: width.
// ${width} elements of a row from d on, as float32.
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
//: section store_row
//: # The function store_row. An e4m3 is the one nearest to x / scale, ties to even, where scale = (largest magnitude of the group) / 448 as
//: # one float32 division gives it, and 2^-100 at least, so that zeros too can be divided by it. A group with a NaN or an infinity, which
//: # no scale can hold, gets scale NaN and zeros, so that the fault shows. The elements after the value, codec.has_tail, are rounded to
//: # bfloat16, ties to even.
//: once float8#store
//: if codec.has_tail
//: once bfloat16#store
//: end
// Stores a row. The work-items share out the elements; each looks for the largest of a group itself, which costs less than a barrier.
//: if rope
static void store_row(global const ${storage}* from, global uchar* to, global const float2* angles)
//: else
static void store_row(global const ${storage}* from, global uchar* to)
//: end
{
    for (int begin = 0; begin < VALUE_DIM; begin += SCALE_GROUP)
    {
        uint largest = 0; // of the magnitudes, as bits: these are ordered as the numbers are, infinity and NaN above all
        for (int d = begin; d < begin + SCALE_GROUP; d++)
        {
            largest = max(largest, as_uint(${load(from, d)}) & 0x7FFFFFFF);
        }

        // largest / 448 rounded once, on every device: what the first product leaves over is exact.
        const float about = as_float(largest) * 0.00223214296f;
        float scale = fma(fma(-about, 448.0f, as_float(largest)), 0.00223214296f, about);
        scale = fmax(scale, 7.88860905E-31f); // 2^-100, a scale for zeros too
        scale = largest >= 0x7F800000 ? as_float(0x7FC00000) : scale; // infinity or NaN: no scale can hold that, so it is NaN
        if (get_local_id(0) == 0)
        {
            ((global float*)(to + SCALES_AT))[begin / SCALE_GROUP] = scale;
        }

        const float inverse = 1.0f / scale;
        for (int d = begin + get_local_id(0); d < begin + SCALE_GROUP; d += ${append_work_group})
        {
            to[d] = largest >= 0x7F800000 ? (uchar)0 : float_to_e4m3(${load(from, d)}, scale, inverse);
        }
    }
    //: if codec.has_tail

    for (int d = VALUE_DIM + get_local_id(0); d < HEAD_DIM; d += ${append_work_group})
    {
        //: if rope
        *((global ushort*)(to + TAIL_AT) + d - VALUE_DIM) = float_to_bfloat16(turned(from, angles, d));
        //: else
        *((global ushort*)(to + TAIL_AT) + d - VALUE_DIM) = float_to_bfloat16(${load(from, d)});
        //: end
    }
    //: end
}
