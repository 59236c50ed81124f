//: # Starts the products of the last probabilities with the values of their tile.
const int before = tile - 1;
wait_phase(values_there + before % STAGES * 8, before / STAGES % 2);
fence_asynchronous();
const ulong value_matrix = matrix_at(tiles_at + before % STAGES * STAGE_SIZE + KEY_SIZE, KEYS * 128);
#pragma unroll
for (int j = 0; j < KEYS / 16; j++)
{
    multiply_values(output[0], p[j], value_matrix + j * (16 * 128 / 16));
}
