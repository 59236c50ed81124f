//: # A function that stores a row of integers. An integer q stands for q x scale, where scale = (largest magnitude of the row) x (1 /
//: # largest integer, as float32), one float32 product; q is the integer nearest to x / scale, ties to even. A row whose largest magnitude
//: # is below 2^-100, such as one of zeros, gets scale 0 and zeros; a row with a NaN or an infinity, which no scale can hold, gets scale
//: # NaN and zeros, so that the fault shows.
//: #
//: # Holes: name; parameters, with a leading comma, that the expressions first and second need: elements d and d + 1 of the row;
//: # largest_integer, reciprocal; store_elements, the loop that stores the integers.
//: once quantize
// Stores a row and its scale. The work-items share out the elements; each looks for the largest itself, which costs less than a barrier.
static void ${name}(global const ${storage}* from, global ${cache}* to, global float* scale_to, int dim${parameters})
{
    uint largest = 0; // of the magnitudes, as bits: these are ordered as the numbers are, infinity and NaN above all
    for (int d = 0; d < dim; d++)
    {
        largest = max(largest, as_uint(${first}) & 0x7FFFFFFF);
    }

    float scale = as_float(largest) * ${reciprocal}; // 1 / ${largest_integer}
    scale = largest < 0x0D800000 ? 0.0f : scale; // below 2^-100 all is zero
    scale = largest >= 0x7F800000 ? NAN : scale; // infinity or NaN: no scale can hold that
    if (get_local_id(0) == 0)
    {
        *scale_to = scale;
    }

    const float inverse = 1.0f / scale;
    //: include ${store_elements}
}
