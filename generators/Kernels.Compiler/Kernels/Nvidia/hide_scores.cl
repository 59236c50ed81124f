//: # Scores of keys that a row must not see become -inf; only in tiles on a boundary.
//: if hides
${hides_where}
{
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        ${skip_empty_block}
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            const int key = ${first_key_of_block};
            //: for e in elements
            //: if hides_keys
            ${score}.s${e.index} = ${e.key} < item.kv_end && is_visible(row[b][${e.row}], min(${e.key}, item.kv_end - 1)${visible_arguments}) ? ${score}.s${e.index} : -INFINITY;
            //: else
            ${score}.s${e.index} = ${e.key} < item.kv_end ? ${score}.s${e.index} : -INFINITY;
            //: end
            //: end
        }
    }
}
//: end
