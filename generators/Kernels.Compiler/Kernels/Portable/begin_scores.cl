//: # The scores of a work-item: of each of its rows with the keys x, x + THREADS_X, ... of the tile.
float score[ROWS_EACH][KEYS_EACH];
for (int i = 0; i < ROWS_EACH; i++)
{
    for (int j = 0; j < KEYS_EACH; j++)
    {
        score[i][j] = 0.0f;
    }
}
