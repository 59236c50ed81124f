//: # Scores go through the spec's steps.
//: if transforms
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    ${skip_empty_block}
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        const int key = ${first_key_of_block};
        //: for e in elements
        ${score}.s${e.index} = transform_score(${score}.s${e.index} * ${score_scale}, row[b][${e.row}], min(${e.key}, item.kv_end - 1)${transform_arguments});
        //: end
    }
}
//: end
