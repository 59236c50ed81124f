//: # Stands before the braces in which scores of keys become -inf that a row must not see: whether the tile at first_key may have such
//: # keys. hides_nothing: a condition under which no mask hides any of them; without one nothing is known but a block mask's classes.
//: # What is compared with the first position is the last key.
//: if !hides_keys
if (first_key + KEYS > work.kv_end)
//: elif mask_mod
if (tile_class != TILE_FULL)
//: elif hides_nothing and reads_past_end
const int last_key = first_key + KEYS - 1;
if (!(last_key < work.kv_end && ${hides_nothing}))
//: elif hides_nothing
//: if asks_first_position
const int last_key = first_key + key_count - 1;
//: end
if (!(${hides_nothing}))
//: end
