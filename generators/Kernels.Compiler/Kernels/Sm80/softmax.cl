//: # Online softmax of the score blocks: new maxima and sums, scores become probabilities, outputs are rescaled. The scale is part of the
//: # exponent's multiply-add, unless the spec's steps have applied it. Holes: share_maximum, a step that widens the maxima top0 and top1 of
//: # a row block's keys to those of other warps; before_rescale, one between its probabilities and the rescaling of its outputs (empty:
//: # there is none); value_scales_at, where in 'scales' those of the values begin.
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    float top0 = -INFINITY;
    float top1 = -INFINITY;
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        top0 = fmax(top0, fmax(score[b][j].s0, score[b][j].s1));
        top1 = fmax(top1, fmax(score[b][j].s2, score[b][j].s3));
    }
    top0 = row_maximum(top0);
    top1 = row_maximum(top1);
    //: include ${share_maximum}
    top0 = fmax(row_max[b][0], top0${times_scale});
    top1 = fmax(row_max[b][1], top1${times_scale});

    // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
    const float base0 = top0 == -INFINITY ? 0.0f : top0;
    const float base1 = top1 == -INFINITY ? 0.0f : top1;
    const float rescale0 = exp2_fast(${power(row_max[b][0], base0)});
    const float rescale1 = exp2_fast(${power(row_max[b][1], base1)});
    row_max[b][0] = top0;
    row_max[b][1] = top1;
    row_sum[b][0] *= rescale0;
    row_sum[b][1] *= rescale1;
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        score[b][j].s0 = exp2_fast(${power(score[b][j].s0${times_scale}, base0)});
        score[b][j].s1 = exp2_fast(${power(score[b][j].s1${times_scale}, base0)});
        score[b][j].s2 = exp2_fast(${power(score[b][j].s2${times_scale}, base1)});
        score[b][j].s3 = exp2_fast(${power(score[b][j].s3${times_scale}, base1)});
        row_sum[b][0] += score[b][j].s0 + score[b][j].s1;
        row_sum[b][1] += score[b][j].s2 + score[b][j].s3;
    }
    //: if scales_tokens
    //: include scale_probabilities
    //: end
    //: include ${before_rescale}
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        //: if scales_tokens
        output[b][c].lo *= unit_rescale0;
        output[b][c].hi *= unit_rescale1;
        //: else
        output[b][c].lo *= rescale0;
        output[b][c].hi *= rescale1;
        //: end
    }
}
