// What the mask makes of a tile of keys, for the rows of a work tile: tile_classes is [work tiles, CLASS_HEADS, class_stride]; stride 0: not known.
#define TILE_PARTIAL ${tile_partial} // some rows see some of the keys: the mask is asked
#define TILE_EMPTY ${tile_empty}   // no row sees any of the keys
#define TILE_FULL ${tile_full}    // every row sees all of the keys, none of which lies past the work tile's end
//: if heads_have_classes
#define CLASS_HEADS ${class_heads} // a class for each KV head
//: else
#define CLASS_HEADS ${class_heads} // one class for all heads
//: end

static long class_row(int index_of_work, int kv_head, int class_stride)
{
    return ((long)index_of_work * CLASS_HEADS + kv_head % CLASS_HEADS) * class_stride;
}
