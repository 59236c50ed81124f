// What tells a linear layer of experts from a plain one: w and bias are those of all experts, one after the other, which begin a panel, and
// tokens that stand side by side for one and the same token have one row of x. Set before each form:
//   EXPERTS  0: one matrix; 1: each token takes that of its expert; 2: tiles of tokens that share one, by a table (expert_order.cl)
// TAKE_EXPERT comes first, with the number of a tile of tokens; then ROW_OF(t) is the tile's t-th token, the last one past the end.
#undef EXPERT_ARGUMENTS
#undef TAKE_EXPERT
#undef X_ROW
#undef ROW_OF
#undef HAS_ROW
#if EXPERTS == 2
#define EXPERT_ARGUMENTS , global const int *restrict order, int tokens_a_row, global const int4 *restrict tiles
#define TAKE_EXPERT(tile) \
    int4 own = tiles[tile]; \
    if (own.z == 0) \
    { \
        return; \
    } \
    w += own.x * matrix_weights(rows, columns); \
    bias += (size_t)own.x * rows;
#define ROW_OF(t) (order[own.y + min((t), own.z - 1)])
#define HAS_ROW(t) ((t) < own.z)
#define X_ROW(token) ((token) / tokens_a_row)
#else
#define ROW_OF(t) (min(token + (t), tokens - 1))
#define HAS_ROW(t) (token + (t) < tokens)
#if EXPERTS
#define EXPERT_ARGUMENTS , global const int *restrict experts, int tokens_a_row
#define TAKE_EXPERT(tile) \
    w += experts[tile] * matrix_weights(rows, columns); \
    bias += (size_t)experts[tile] * rows;
#define X_ROW(token) ((token) / tokens_a_row)
#else
#define EXPERT_ARGUMENTS
#define TAKE_EXPERT(tile)
#define X_ROW(token) (token)
#endif
#endif
