//: # Transforms scores by the spec's steps. Hole: first_key_of_block, the first of the two keys of block 'j' of which this work-item has
//: # scores.
//: if transforms
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        const int key = ${first_key_of_block};
        score[b][j].s0 = transform_score(score[b][j].s0 * ${score_scale}, row[b][0], min(key, work.kv_end - 1)${transform_arguments});
        score[b][j].s1 = transform_score(score[b][j].s1 * ${score_scale}, row[b][0], min(key + 1, work.kv_end - 1)${transform_arguments});
        score[b][j].s2 = transform_score(score[b][j].s2 * ${score_scale}, row[b][1], min(key, work.kv_end - 1)${transform_arguments});
        score[b][j].s3 = transform_score(score[b][j].s3 * ${score_scale}, row[b][1], min(key + 1, work.kv_end - 1)${transform_arguments});
    }
}
//: end
