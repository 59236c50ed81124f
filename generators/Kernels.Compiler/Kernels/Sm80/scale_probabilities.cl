//: # Probabilities of a row block times the scales of their values, as multiples of the row's largest so far so that 16 bits suffice,
//: # whatever the scales of values that the row does not see or has little of. Hole: value_scales_at, where in 'scales' theirs begin.
float unit0 = 0.0f;
float unit1 = 0.0f;
#pragma unroll
for (int j = 0; j < KEY_BLOCKS; j++)
{
    const float2 value_scale = vload2(0, scales + ${value_scales_at} + j * 8 + lane % 4 * 2);
    score[b][j].lo *= value_scale;
    score[b][j].hi *= value_scale;
    unit0 = fmax(unit0, fmax(score[b][j].s0, score[b][j].s1));
    unit1 = fmax(unit1, fmax(score[b][j].s2, score[b][j].s3));
}
const float before0 = row_unit[b][0] * rescale0;
const float before1 = row_unit[b][1] * rescale1;
unit0 = fmax(before0, row_maximum(unit0));
unit1 = fmax(before1, row_maximum(unit1));
const float inverse0 = unit0 > 0.0f ? 1.0f / unit0 : 0.0f;
const float inverse1 = unit1 > 0.0f ? 1.0f / unit1 : 0.0f;
const float unit_rescale0 = before0 * inverse0;
const float unit_rescale1 = before1 * inverse1;
row_unit[b][0] = unit0;
row_unit[b][1] = unit1;
#pragma unroll
for (int j = 0; j < KEY_BLOCKS; j++)
{
    score[b][j].lo *= inverse0;
    score[b][j].hi *= inverse1;
}
