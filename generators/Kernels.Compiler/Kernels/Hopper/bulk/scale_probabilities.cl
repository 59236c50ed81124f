//: # Probabilities of a row block times the scales of their values, which 'scales' has after those of the keys, as multiples of one near
//: # the row's largest so far: up to 2^7 times that, 16 bits suffice, whatever the scales of values that the row does not see or has
//: # little of.
//: if scales_tokens
const float2 unit = (float2)(row_unit[b].s0 > 0.0f ? row_unit[b].s0 : 1.0f, row_unit[b].s1 > 0.0f ? row_unit[b].s1 : 1.0f);
const float2 inverse_unit = 1.0f / unit;
float2 largest = (float2)(0.0f);
#pragma unroll
for (int j = 0; j < KEY_BLOCKS; j++)
{
    score[j][b].lo *= scales[KEYS + j * 16] * inverse_unit;
    score[j][b].hi *= scales[KEYS + j * 16 + 8] * inverse_unit;
    largest = fmax(largest, fmax(score[j][b].lo, score[j][b].hi));
}
if (any_of_warp(largest.s0 > 128.0f || largest.s1 > 128.0f || row_unit[b].s0 == 0.0f || row_unit[b].s1 == 0.0f))
{
    const float2 before = row_unit[b];
    const float2 after = fmax(before, rows_maximum(largest) * unit);
    const float2 inverse = (float2)(after.s0 > 0.0f ? 1.0f / after.s0 : 0.0f, after.s1 > 0.0f ? 1.0f / after.s1 : 0.0f);
    row_unit[b] = after;
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        output[c][b] *= (before * inverse).s0101;
    }
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        score[j][b].lo *= unit * inverse;
        score[j][b].hi *= unit * inverse;
    }
}
//: end
