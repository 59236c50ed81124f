//: # Loads a tile of keys or values into kv_tile. Holes: columns, float4s of a row; load, the function that loads one; cache, the
//: # buffer; row_of, the function that finds a row in it.
for (int i = get_local_id(0); i < KEYS * ${columns}; i += WORK_GROUP)
{
    const int row = i / ${columns};
    const int column = i % ${columns};
    const int key = first_key + row;
    kv_tile[row * KV_STRIDE + column] = key < item.kv_end
        ? ${load}(${cache} + ${row_of}(sequence, kv_head, key, ${addressing}), column * 4)
        : (float4)(0.0f); // unwritten slots may hold NaN
}
