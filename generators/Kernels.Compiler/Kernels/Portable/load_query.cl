//: # The function by which queries are loaded. whole_heads: HEAD_DIM is a multiple of four.
//: if whole_heads
// Elements d to d + 3 of a query, as float32.
//: else
// Elements d to d + 3 of a query, as float32; zeros past HEAD_DIM.
//: end
static float4 load_query(global const ${storage}* row, int d)
{
    //: if !whole_heads
    if (d + 4 > HEAD_DIM)
    {
        return (float4)(${load(row, d)},
            d + 1 < HEAD_DIM ? ${load(row, d + 1)} : 0.0f,
            d + 2 < HEAD_DIM ? ${load(row, d + 2)} : 0.0f, 0.0f);
    }
    //: end
    return ${load_vector(4, row, d)};
}
