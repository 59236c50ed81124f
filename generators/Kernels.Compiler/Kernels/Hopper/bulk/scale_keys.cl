//: # Scores times the scales of their keys, which 'scales' has of the tile's keys and then of its values.
//: if scales_tokens
#pragma unroll
for (int j = 0; j < KEY_BLOCKS; j++)
{
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        score[j][b].lo *= scales[j * 16];
        score[j][b].hi *= scales[j * 16 + 8];
    }
}

//: end
