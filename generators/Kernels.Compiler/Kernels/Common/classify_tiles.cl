//: # Classifies tiles of keys by the mask, for a block mask: a work-item goes through the rows and keys of one tile until it has
//: # seen a visible and a hidden one. It serves the tiles of prefill and decode alike.
//: include header(what: classes of the tiles of keys, empty, partial or full, for a block mask)
#define LANES ${lanes} // rows that are looked at together

//: include lane_vocabulary

#define lanes_any(x) ${lanes_any}
#define LANE_NUMBERS ${lane_numbers}

//: include work_tile

//: include score_functions

//: include tile_classes

kernel void ${entry}(
    ${parameters}
{
    const int tile = get_global_id(0);
    if (tile >= class_stride)
    {
        return; // work-groups are whole
    }
    const int kv_head = get_global_id(1); // below CLASS_HEADS
    const int index = get_global_id(2);
    const WorkTile work = read_work_tile(plan + work_at, index);
    //: for statement in inputs_to_work
    ${statement}
    //: end
    const int first_key = work.kv_begin + tile * tile_keys;
    const int end = min(first_key + tile_keys, work.kv_end);
    lanes_int seen = (lanes_int)(0);
    lanes_int hidden = (lanes_int)(0);
    int is_mixed = 0;
    for (int first_row = 0; first_row < work.row_count && !is_mixed; first_row += LANES)
    {
        const Row row = ${make_row(min(first_row + LANE_NUMBERS, (lanes_int)(work.row_count - 1)))};
        for (int key = first_key; key < end && !is_mixed; key++)
        {
            const lanes_int visible = is_visible(row, (lanes_int)(key)${visible_arguments});
            seen |= visible;
            hidden |= !visible;
            is_mixed = lanes_any(seen) && lanes_any(hidden);
        }
    }

    // Of a tile that goes past the end keys must be hidden, whatever the mask says.
    const int is_full = !lanes_any(hidden) && first_key + tile_keys <= work.kv_end;
    tile_classes[class_row(index, kv_head, class_stride) + tile] =
        !lanes_any(seen) ? TILE_EMPTY : is_full ? TILE_FULL : TILE_PARTIAL;
}
