//: # Starts the copies of a tile's keys and values of this warp, as they are in a quantised cache; past the last key nothing is copied,
//: # but the group is closed all the same. Holes: stage, first_key.
const int copy_tile = ${first_key};
const int copy_key = copy_tile + warp_key; // past the end, zeros arrive
const uint copy_to = stages_at + (${stage}) * WARP_STAGE_SIZE * 16;
if (copy_tile < item.kv_end)
{
    #pragma unroll
    for (int i = lane; i < WARP_KEYS * KEY_PIECES; i += 32)
    {
        const int r = i / KEY_PIECES;
        const int piece = i % KEY_PIECES;
        const int key = min(copy_key + r, item.kv_end - 1);
        copy_16(copy_to + piece_at(r, piece, KEY_PIECES) * 16, keys + key_row(sequence, kv_head, key, ${addressing}) + piece * 16, copy_key + r < item.kv_end);
    }
    #pragma unroll
    for (int i = lane; i < WARP_KEYS * VALUE_PIECES; i += 32)
    {
        const int r = i / VALUE_PIECES;
        const int piece = i % VALUE_PIECES;
        const int key = min(copy_key + r, item.kv_end - 1);
        copy_16(copy_to + (WARP_KEYS * KEY_PIECES + piece_at(r, piece, VALUE_PIECES)) * 16, values + value_row(sequence, kv_head, key, ${addressing}) + piece * 16, copy_key + r < item.kv_end);
    }
    //: if scales_tokens
    #pragma unroll
    for (int i = lane; i < 2 * WARP_KEYS; i += 32)
    {
        const int key = copy_key + i % WARP_KEYS;
        global const float* const from = i < WARP_KEYS ? key_scales : value_scales;
        copy_4(copy_to + WARP_KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + scale_index(sequence, kv_head, min(key, item.kv_end - 1), ${addressing}), key < item.kv_end);
    }
    //: end
}
close_copies();
