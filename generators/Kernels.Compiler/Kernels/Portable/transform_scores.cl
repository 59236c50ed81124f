//: # Transforms scores by the spec's steps.
//: if transforms
for (int i = 0; i < ROWS_EACH; i++)
{
    for (int j = 0; j < KEYS_EACH; j++)
    {
        const int key = min(first_key + x + j * THREADS_X, work.kv_end - 1);
        score[i][j] = transform_score(score[i][j], row[i], key${transform_arguments});
    }
}
//: end
