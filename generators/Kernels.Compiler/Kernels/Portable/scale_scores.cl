//: # Scores times the scales of their keys, where tokens have scales; those of the values are kept for the probabilities.
//: if scales_tokens
float value_scale[KEYS_EACH];
for (int j = 0; j < KEYS_EACH; j++)
{
    const long at = scale_index(sequence, kv_head, min(first_key + x + j * THREADS_X, work.kv_end - 1), ${addressing});
    const float key_scale = key_scales[at];
    value_scale[j] = value_scales[at];
    for (int i = 0; i < ROWS_EACH; i++)
    {
        score[i][j] *= key_scale;
    }
}
//: end
