//: # What the mask mod makes of the tile at first_key. Where tiles can be left out, the loop goes on without those in which nothing is
//: # visible.
//: if mask_mod
const int tile_class = class_stride > 0
    ? tile_classes[class_row(${work_index}, kv_head, class_stride) + (first_key - work.kv_begin) / KEYS]
    : TILE_PARTIAL;
//: if leaves_out_tiles
if (tile_class == TILE_EMPTY)
{
    continue;
}
//: end
//: end
