//: # Starts the products of a group's queries with keys.
#pragma unroll
for (int d = 0; d < HEAD_DIM / 16; d++)
{
    // 16 columns are 32 bytes of a panel's row.
    multiply_keys(
        score[0], query_matrix + d / 4 * (ROWS * 128 / 16) + d % 4 * 2, key_matrix + d / 4 * (KEYS * 128 / 16) + d % 4 * 2, d > 0);
}
