//: # Scores of keys that a row must not see become -inf; only in tiles on a boundary.
//: if hides
${hides_where}
{
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        if (is_empty(b, item.row_count))
        {
            continue;
        }
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            const int key = first_key + warp_key + j * 16 + lane / 4;
            //: if hides_keys
            score[j][b].s0 = key < item.kv_end && is_visible(row[b][0], min(key, item.kv_end - 1)${visible_arguments}) ? score[j][b].s0 : -INFINITY;
            score[j][b].s1 = key < item.kv_end && is_visible(row[b][1], min(key, item.kv_end - 1)${visible_arguments}) ? score[j][b].s1 : -INFINITY;
            score[j][b].s2 = key + 8 < item.kv_end && is_visible(row[b][0], min(key + 8, item.kv_end - 1)${visible_arguments}) ? score[j][b].s2 : -INFINITY;
            score[j][b].s3 = key + 8 < item.kv_end && is_visible(row[b][1], min(key + 8, item.kv_end - 1)${visible_arguments}) ? score[j][b].s3 : -INFINITY;
            //: else
            score[j][b].s0 = key < item.kv_end ? score[j][b].s0 : -INFINITY;
            score[j][b].s1 = key < item.kv_end ? score[j][b].s1 : -INFINITY;
            score[j][b].s2 = key + 8 < item.kv_end ? score[j][b].s2 : -INFINITY;
            score[j][b].s3 = key + 8 < item.kv_end ? score[j][b].s3 : -INFINITY;
            //: end
        }
    }
}
//: end
