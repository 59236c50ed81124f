//: # Starts the copies of a tile's keys and values into a stage; past the last key nothing is copied, but the group is closed all the
//: # same. A row is copied by the work-group, or by a warp that has its own. Holes: stage, first_key.
const int copy_key = ${first_key};
const uint copy_to = tiles_at + (${stage}) * STAGE_SIZE * 16;
if (copy_key < item.kv_end)
{
    #pragma unroll 4
    for (int i = ${copier}; i < ${copied_rows} * ${copied_key_pieces}; i += ${copiers})
    {
        const int r = ${copy_begin}i / ${copied_key_pieces};
        const int piece = i % ${copied_key_pieces};
        const int key = min(copy_key + r, item.kv_end - 1);
        copy_16(copy_to + (r * ${copied_key_stride} + piece) * 16, keys + key_row(sequence, kv_head, key, ${addressing}) + piece * ${piece_items}, copy_key + r < item.kv_end);
    }
    #pragma unroll 4
    for (int i = ${copier}; i < ${copied_rows} * ${copied_value_pieces}; i += ${copiers})
    {
        const int r = ${copy_begin}i / ${copied_value_pieces};
        const int piece = i % ${copied_value_pieces};
        const int key = min(copy_key + r, item.kv_end - 1);
        copy_16(copy_to + (KEYS * ${copied_key_stride} + r * ${copied_value_stride} + piece) * 16, values + value_row(sequence, kv_head, key, ${addressing}) + piece * ${piece_items}, copy_key + r < item.kv_end);
    }
    //: if scales_tokens
    for (int i = thread; i < 2 * KEYS; i += WORK_GROUP)
    {
        const int r = i % KEYS;
        global const float* const from = i < KEYS ? key_scales : value_scales;
        copy_4(copy_to + KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + scale_index(sequence, kv_head, min(copy_key + r, item.kv_end - 1), ${addressing}), copy_key + r < item.kv_end);
    }
    //: end
}
close_copies();
