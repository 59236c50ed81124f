//: # Online softmax of the score blocks: maxima and sums, scores become the probabilities 'p', outputs are rescaled where a maximum has
//: # grown by more than MAXIMUM_LAG. The scale is part of the exponent's multiply-add, unless the spec's steps have applied it.

uint2 p[KEY_BLOCKS][ROW_BLOCKS]; // probabilities of the keys lane % 4 * 2, the next, and those 8 on; of row lane / 4
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    if (is_empty(b, item.row_count))
    {
        continue;
    }
    float2 top = (float2)(-INFINITY);
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        top = fmax(top, fmax(score[j][b].lo, score[j][b].hi));
    }
    top = fmax(row_max[b], top${times_scale});
    if (any_of_warp(top.s0 > row_max[b].s0 + MAXIMUM_LAG || top.s1 > row_max[b].s1 + MAXIMUM_LAG))
    {
        top = rows_maximum(top);
        const float2 growth = base_of(top) - row_max[b];
        const float2 rescale = (float2)(exp2_fast(${power(-growth.s0)}), exp2_fast(${power(-growth.s1)}));
        row_max[b] = top;
        row_sum[b] *= rescale;
        //: if scales_tokens
        row_unit[b] *= rescale;
        //: else
        #pragma unroll
        for (int c = 0; c < VALUE_BLOCKS; c++)
        {
            output[c][b] *= rescale.s0101;
        }
        //: end
    }
    const float2 base = base_of(row_max[b]);
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        score[j][b].s0 = exp2_fast(${power(score[j][b].s0${times_scale}, base.s0)});
        score[j][b].s1 = exp2_fast(${power(score[j][b].s1${times_scale}, base.s1)});
        score[j][b].s2 = exp2_fast(${power(score[j][b].s2${times_scale}, base.s0)});
        score[j][b].s3 = exp2_fast(${power(score[j][b].s3${times_scale}, base.s1)});
        row_sum[b] += score[j][b].lo + score[j][b].hi;
    }
    //: include scale_probabilities
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        p[j][b].s0 = transpose(pack(score[j][b].s0, score[j][b].s1));
        p[j][b].s1 = transpose(pack(score[j][b].s2, score[j][b].s3));
    }
}

