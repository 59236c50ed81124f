// What the mask makes of a tile of keys, for the rows of an item: tile_classes is [items, CLASS_HEADS, class_stride]; stride 0: not known.
#define TILE_PARTIAL ${tile_partial} // some rows see some of the keys: the mask is asked
#define TILE_EMPTY ${tile_empty}   // no row sees any of the keys
#define TILE_FULL ${tile_full}    // every row sees all of the keys, none of which lies past the item's end
#define CLASS_HEADS ${class_heads} // ${class_heads_comment}

static long class_row(int index_of_item, int kv_head, int class_stride)
{
    return ((long)index_of_item * CLASS_HEADS + kv_head % CLASS_HEADS) * class_stride;
}
