//: # Online softmax: new maxima of the rows, of which score_tile has what the work-items share; what was accumulated is rescaled, and the
//: # scores become probabilities, which score_tile has after the next barrier. Hole: shared_float4s, of a row that work-items share.
float row_base[ROWS_EACH];
for (int i = 0; i < ROWS_EACH; i++)
{
    float4 top = (float4)(row_max[i]);
    for (int j = 0; j < ${shared_float4s}; j++)
    {
        top = fmax(top, score_tile[(y + i * THREADS_Y) * SCORE_STRIDE + j]);
    }
    const float new_max = fmax(fmax(top.s0, top.s1), fmax(top.s2, top.s3));

    // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
    row_base[i] = new_max == -INFINITY ? 0.0f : new_max;
    const float rescale = exp2(${power(row_max[i], row_base[i])});
    row_max[i] = new_max;
    row_sum[i] *= rescale;
    for (int c = 0; c < COLUMNS_EACH; c++)
    {
        output[i][c] *= rescale;
    }
}
barrier(CLK_LOCAL_MEM_FENCE); // what the rows shared has been read

for (int i = 0; i < ROWS_EACH; i++)
{
    for (int j = 0; j < KEYS_EACH; j++)
    {
        const float p = exp2(${power(score[i][j], row_base[i])});
        row_sum[i] += p;
        //: if scales_tokens
        scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x + j * THREADS_X] = p * value_scale[j];
        //: else
        scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x + j * THREADS_X] = p;
        //: end
    }
}
