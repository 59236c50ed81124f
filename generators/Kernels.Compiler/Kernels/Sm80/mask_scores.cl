//: # Masks scores: those of keys that a row must not see become -inf. Only tiles on a boundary have such keys. Hole: first_key_of_block,
//: # the first of the two keys of block 'j' of which this work-item has scores.
//: if hides
//: include where_masked
{
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            const int key = ${first_key_of_block};
            //: if hides_keys
            score[b][j].s0 = key < work.kv_end && is_visible(row[b][0], min(key, work.kv_end - 1)${visible_arguments})
                ? score[b][j].s0 : -INFINITY;
            score[b][j].s1 = key + 1 < work.kv_end && is_visible(row[b][0], min(key + 1, work.kv_end - 1)${visible_arguments})
                ? score[b][j].s1 : -INFINITY;
            score[b][j].s2 = key < work.kv_end && is_visible(row[b][1], min(key, work.kv_end - 1)${visible_arguments})
                ? score[b][j].s2 : -INFINITY;
            score[b][j].s3 = key + 1 < work.kv_end && is_visible(row[b][1], min(key + 1, work.kv_end - 1)${visible_arguments})
                ? score[b][j].s3 : -INFINITY;
            //: else
            score[b][j].s0 = key < work.kv_end ? score[b][j].s0 : -INFINITY;
            score[b][j].s1 = key + 1 < work.kv_end ? score[b][j].s1 : -INFINITY;
            score[b][j].s2 = key < work.kv_end ? score[b][j].s2 : -INFINITY;
            score[b][j].s3 = key + 1 < work.kv_end ? score[b][j].s3 : -INFINITY;
            //: end
        }
    }
}
//: end
