// What tells a linear layer of experts from a plain one: w and bias are those of all experts, one after the other, a token takes
// those of its expert, which begin a panel, and tokens that stand side by side for one and the same token have one row of x. Set before each form.
#undef EXPERT_ARGUMENTS
#undef TAKE_EXPERT
#undef X_ROW
#if EXPERTS
#define EXPERT_ARGUMENTS , global const int *restrict experts, int tokens_a_row
#define TAKE_EXPERT(token) \
    w += experts[token] * matrix_weights(rows, columns); \
    bias += (size_t)experts[token] * rows;
#define X_ROW(token) ((token) / tokens_a_row)
#else
#define EXPERT_ARGUMENTS
#define TAKE_EXPERT(token)
#define X_ROW(token) (token)
#endif
