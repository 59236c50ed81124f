//: # Scores times the scales of their keys, which 'scales' has of the tile's keys and then of its values.
//: if scales_tokens
#pragma unroll
for (int j = 0; j < KEY_BLOCKS; j++)
{
    const float2 key_scale = vload2(0, scales + j * 8 + lane % 4 * 2);
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        score[b][j].lo *= key_scale;
        score[b][j].hi *= key_scale;
    }
}
//: end
