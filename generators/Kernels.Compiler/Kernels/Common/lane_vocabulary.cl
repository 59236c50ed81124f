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

//: include lane_vocabulary#gather(type: int, name: int, buffer: int, places: lanes_int index, element: index, lane: index.s#)
//: end
//: if float_buffers

//: include lane_vocabulary#gather(type: float, name: float, buffer: float, places: lanes_int index, element: index, lane: index.s#)
//: end
//: if key_padding

//: include lane_vocabulary#gather(type: int, name: byte, buffer: uchar, places: lanes_int index, element: index, lane: index.s#)
//: end
//: if bias and transforms

//: include lane_vocabulary#gather(
//:     type: float, name: at, buffer: float, places: lanes_long row, lanes_int column, element: row + column, lane: row.s# + column.s#)
//: end
//: section gather
//: # Reads a number for each lane, from where each says. Holes: type, of what comes out; name; buffer, what it has; places, the parameters
//: # that say where; element and lane, the index for one score and for lane #.
static lanes_${type} lanes_gather_${name}(global const ${buffer}* buffer, ${places})
{
    //: if width
    return (lanes_${type})(${of_16_lanes(buffer[${lane}])});
    //: else
    return buffer[${element}];
    //: end
}
