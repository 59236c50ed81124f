// What tells a layer of experts from a plain one. Their matrices, and their biases, are one behind the other. EXPERTS is 1: each slot is a tile
// of its own, with the matrix of experts[slot]; 2: a tile has slots that share a matrix, by a table (expert_order.cl). Slots side by side for
// one token have one row of x.
#if EXPERTS == 1
#define TILE_ARGUMENTS , global const int* restrict experts, int slots_a_row
#define TAKE_TILE(w, bias, matrix, rows, tokens) \
    const int slot = get_group_id(1); \
    w += (size_t)experts[slot] * (matrix); \
    bias += (size_t)experts[slot] * (rows); \
    tokens = 1;
#define X_ROW(token) (slot / slots_a_row)
#define Y_ROW(token) slot
#elif EXPERTS == 2
#define TILE_ARGUMENTS , global const int4* restrict tiles, global const int* restrict order, int slots_a_row, int tile_count
#define TAKE_TILE(w, bias, matrix, rows, tokens) \
    const int4 tile_of = tiles[get_group_id(1)]; \
    if (tile_of.s2 == 0) \
    { \
        return; \
    } \
    w += (size_t)tile_of.s0 * (matrix); \
    bias += (size_t)tile_of.s0 * (rows); \
    order += tile_of.s1; \
    tokens = tile_of.s2;
#define X_ROW(token) (order[token] / slots_a_row)
#define Y_ROW(token) order[token]
#else
#define TILE_ARGUMENTS
#define TAKE_TILE(w, bias, matrix, rows, tokens)
#define X_ROW(token) (token)
#define Y_ROW(token) (token)
#endif
