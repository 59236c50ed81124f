//: # Of the kernel of pieces: the i-th score that a work-item has added up becomes -inf if the row must not see its key.
const int key = first_key + (id + i * WORK_GROUP) / ROWS;
//: if hides_keys
const int visible = key <= last_of_item && is_visible(row, min(key, last_of_item)${visible_arguments});
score[i] = visible ? score[i] : -INFINITY;
//: else
score[i] = key <= last_of_item ? score[i] : -INFINITY;
//: end
