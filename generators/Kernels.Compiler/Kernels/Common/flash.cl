//: # The frame of every flash kernel: what stands before it, and its head. ${kernel} is the target's template, with the sections
//: # 'functions' and 'kernel'; its section 'tile' is rendered before, once for each tile.
//: include header
//: include ${cache_constants}
//: if base_2
#define SCALE ${scale} // score scale x log2(e): the softmax is calculated in base 2
//: else
#define SCALE ${scale} // score scale
//: end
//: include logarithms

//: if has_variants
//: for variant in variants
${variant.condition} // by the build's option -D VARIANT=${variant.number}
${variant.tile}
//: end
#else // the planner's choice
${tile}
#endif
//: else
${tile}
//: end

//: once ${store_function}
//: if rope
//: include rope_functions

//: end
//: if vector
//: include lane_vocabulary(width: 16)

//: elif needs_rows
//: include lane_vocabulary(width: )

//: end
//: include ${kernel}#functions
//: include work_tile

//: include packed_row

//: if rope
//: include query_angles

//: end
//: if calls_row_functions
//: include row_functions
//: end
//: if needs_rows
//: include score_functions

//: end
//: include exact_functions

//: if mask_mod
//: include tile_classes

//: end
kernel __attribute__((reqd_work_group_size(${work_group}, 1, 1)))
void ${entry}(
    ${parameters}
{
    const WorkTile work = read_work_tile(plan + work_at, ${work_index});
    const int sequence = work.sequence;
    //: if has_heads
    const int first_head = get_group_id(0) * HEADS; // the heads of the longest work tile start first, then those of the next
    //: elif head_by_head
    // A head's work tiles start one after the other, the longest first.
    const int kv_head = (get_group_id(1) * KV_HEADS + get_group_id(0)) / get_num_groups(1);
    //: else
    const int kv_head = get_group_id(0); // the heads of the longest work tile start first, then those of the next
    //: end
    //: for statement in inputs_to_work
    ${statement}
    //: end
    //: if asks_first_position
    const int first_position = work.position + work.first_row / GROUP; // of the tile's queries
    //: end
    //: if asks_last_position
    const int last_position = work.position + (work.first_row + work.row_count - 1) / GROUP;
    //: end

    //: include ${kernel}#kernel
}
