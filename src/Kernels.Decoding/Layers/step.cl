// Takes the tokens of a step apart. A token -1 - r is the one that was drawn in row r of the step before.
kernel void begin_step(
    global const int *restrict packed,   // [2 or 3, tokens]: ids, positions, and rows of the tables of long texts
    global const int *restrict drawn,    // [rows of the step before]
    global int *restrict ids,            // [tokens]
    global int *restrict positions,      // [tokens]
    global int *restrict turns,          // [tokens], where there are three
    int tokens,
    int has_turns)
{
    int token = (int)get_global_id(0);
    if (token >= tokens)
    {
        return;
    }

    int id = packed[token];
    ids[token] = id >= 0 ? id : max(drawn[-1 - id], 0);
    positions[token] = packed[tokens + token];
    if (has_turns)
    {
        turns[token] = packed[2 * tokens + token];
    }
}
