//: # Writes new keys and values into their slots of the cache, a token's of one KV head by a work-group: bit for bit when the cache has
//: # their type, otherwise rounded to nearest, ties to even. Keys that turn are rounded whatever the cache's type. What is written
//: # depends on the input alone, not on the device.
//: #
//: # converts: the cache has another type. scaled: it has scales, of tokens or of heads; scales_groups: of groups of elements, within its
//: # rows. In these two the codec has a function that stores a row. scale_of: the token's scale, to be written, or that of the head.
//: include header(what: append of new keys and values to the cache)
//: include ${cache_constants}

//: if rope
//: include rope_functions

//: include turned(what: key, type: ${storage})

//: end
//: if scales_groups
//: include ${store_row_function}

//: elif scaled and rope
//: include ${store_row_function}(
//:     name: store_key, parameters: , global const float2* angles, first: turned(from, angles, d), second: turned(from, angles, d + 1))

//: include ${store_row_function}(
//:     name: store_value, parameters: , first: ${load(from, d)}, second: ${load(from, d + 1)})

//: elif scaled
//: include ${store_row_function}(name: store_row, parameters: , first: ${load(from, d)}, second: ${load(from, d + 1)})

//: elif converts or rope
//: once ${store_cached_function}
//: end
kernel __attribute__((reqd_work_group_size(${append_work_group}, 1, 1)))
void ${entry}(
    ${parameters}
{
    const int token = get_group_id(0);
    const int kv_head = get_group_id(1);
    const int slot = plan[slots_at + token];
    if (slot < 0)
    {
        return;
    }

    const long new_row = (long)token * KV_HEADS + kv_head;
    //: if rope
    global const float2* const angles = rope + (long)plan[positions_at + token] * (ROTARY_DIM / 2);
    //: end
    //: if scales_tokens
    const long scale_index = ${row_of_slot(slot, 1)};
    //: end
    const long key_row = ${row_of_slot(slot, ${row_length(HEAD_DIM)})};
    //: if scales_groups and rope
    store_row(new_keys + new_row * HEAD_DIM, keys + key_row, angles);
    //: elif scales_groups
    store_row(new_keys + new_row * HEAD_DIM, keys + key_row);
    //: elif scaled and rope
    store_key(new_keys + new_row * HEAD_DIM, keys + key_row, ${scale_of(key)}, HEAD_DIM, angles);
    //: elif scaled
    store_row(new_keys + new_row * HEAD_DIM, keys + key_row, ${scale_of(key)}, HEAD_DIM);
    //: else
    for (int d = get_local_id(0); d < HEAD_DIM; d += ${append_work_group})
    {
        //: if rope
        ${store_cached(keys + key_row + d, turned(new_keys + new_row * HEAD_DIM, angles, d))}
        //: elif converts
        ${store_cached(keys + key_row + d, ${load(new_keys, new_row * HEAD_DIM + d)})}
        //: else
        keys[key_row + d] = new_keys[new_row * HEAD_DIM + d];
        //: end
    }
    //: end
    //: # A latent cache has its values in its keys.
    //: if !latent

    const long value_row = ${row_of_slot(slot, ${row_length(VALUE_DIM)})};
    //: if scaled and rope
    store_value(new_values + new_row * VALUE_DIM, values + value_row, ${scale_of(value)}, VALUE_DIM);
    //: elif scaled
    store_row(new_values + new_row * VALUE_DIM, values + value_row, ${scale_of(value)}, VALUE_DIM);
    //: else
    for (int d = get_local_id(0); d < VALUE_DIM; d += ${append_work_group})
    {
        //: if converts
        ${store_cached(values + value_row + d, ${load(new_values, new_row * VALUE_DIM + d)})}
        //: else
        values[value_row + d] = new_values[new_row * VALUE_DIM + d];
        //: end
    }
    //: end
    //: end
}
