//: # The names in which what happens to scores and the user's mods are written, for one score at a time or for a vector of 16. Hole:
//: # width, of the vector: 16, or empty.
typedef float${width} lanes_float;
typedef int${width} lanes_int;
#define lanes_select(if_false, if_true, condition) ((condition) ? (if_true) : (if_false))
#define convert_lanes_float convert_float${width}
//: if bias
typedef long${width} lanes_long;
#define convert_lanes_long convert_long${width}
//: end
//: if mods
typedef uint${width} lanes_uint;
#define convert_lanes_int convert_int${width}_rtz
#define as_lanes_int as_int${width}
#define as_lanes_uint as_uint${width}
#define as_lanes_float as_float${width}
//: end
//: if int_buffers or documents

static lanes_int lanes_gather_int(global const int* buffer, lanes_int index)
{
    //: if width
    return (lanes_int)(${of_16_lanes(buffer[index.s#])});
    //: else
    return buffer[index];
    //: end
}
//: end
//: if float_buffers

static lanes_float lanes_gather_float(global const float* buffer, lanes_int index)
{
    //: if width
    return (lanes_float)(${of_16_lanes(buffer[index.s#])});
    //: else
    return buffer[index];
    //: end
}
//: end
//: if key_padding

static lanes_int lanes_gather_byte(global const uchar* buffer, lanes_int index)
{
    //: if width
    return (lanes_int)(${of_16_lanes(buffer[index.s#])});
    //: else
    return buffer[index];
    //: end
}
//: end
//: if bias and transforms

static lanes_float lanes_gather_at(global const float* buffer, lanes_long row, lanes_int column)
{
    //: if width
    return (lanes_float)(${of_16_lanes(buffer[row.s# + column.s#])});
    //: else
    return buffer[row + column];
    //: end
}
//: end
