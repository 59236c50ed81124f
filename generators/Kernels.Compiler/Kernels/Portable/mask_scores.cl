//: # Masks scores: those of keys that a row must not see become -inf. Only tiles on a boundary have such keys.
//: if hides
//: include where_masked
{
    for (int i = 0; i < ROWS_EACH; i++)
    {
        for (int j = 0; j < KEYS_EACH; j++)
        {
            //: if hides_keys
            const int key = first_key + x + j * THREADS_X;
            const int visible = key < work.kv_end && is_visible(row[i], min(key, work.kv_end - 1)${visible_arguments});
            score[i][j] = visible ? score[i][j] : -INFINITY;
            //: else
            score[i][j] = first_key + x + j * THREADS_X < work.kv_end ? score[i][j] : -INFINITY;
            //: end
        }
    }
}
//: end
