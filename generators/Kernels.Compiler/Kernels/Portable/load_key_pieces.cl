//: # Finds the work-item's keys of a tile, and asks for its pieces of them. All places are found before any is read: the loads do not
//: # wait for one another. Hole: first, the tile's first key.
for (int j = 0; j < KEYS_EACH; j++)
{
    const int token = min(${first} + set + j * SETS, last_of_item); // past the end the last one again, whose scores there are hidden
    at[j] = ${row_of_token(token, 1)};
}
for (int j = 0; j < KEYS_EACH; j++)
{
    for (int c = 0; c < KEY_PIECES; c++)
    {
        key_piece[j][c] = key_cache[at[j] * (HEAD_DIM / PIECE) + lane + c * LANES];
    }
    //: if scales_tokens
    key_scale[j] = key_scales[at[j]];
    //: end
}
