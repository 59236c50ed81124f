//: # Puts the pieces on their way into kv_tile, between barriers. Holes: loads, how many pieces a work-item has; place, where piece i goes.
barrier(CLK_LOCAL_MEM_FENCE); // what is in the tile has been multiplied
for (int n = 0; n < ${loads}; n++)
{
    const int i = id + n * WORK_GROUP;
    //: if small_pieces
    kv_tile[${place}] = ${piece_to_float(ahead[n])};
    //: else
    const float8 put = ${piece_to_float(ahead[n])};
    local float4* const to = kv_tile + ${place};
    to[0] = put.lo;
    to[1] = put.hi;
    //: end
}
barrier(CLK_LOCAL_MEM_FENCE);
