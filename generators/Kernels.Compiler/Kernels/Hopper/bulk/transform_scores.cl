//: # Scores go through the spec's steps.
//: if transforms
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
        score[j][b].s0 = transform_score(score[j][b].s0 * ${score_scale}, row[b][0], min(key, item.kv_end - 1)${transform_arguments});
        score[j][b].s1 = transform_score(score[j][b].s1 * ${score_scale}, row[b][1], min(key, item.kv_end - 1)${transform_arguments});
        score[j][b].s2 = transform_score(score[j][b].s2 * ${score_scale}, row[b][0], min(key + 8, item.kv_end - 1)${transform_arguments});
        score[j][b].s3 = transform_score(score[j][b].s3 * ${score_scale}, row[b][1], min(key + 8, item.kv_end - 1)${transform_arguments});
    }
}
//: end
