// output[t, i] = scale · table[ids[t], i], or output[t, i] += that. One work-item an element.
kernel void embedding(
    global const weight_t *restrict table, // [vocabulary / PANEL_ROWS, width, PANEL_ROWS]
    global const int *restrict ids,        // [tokens]
    global float *restrict output,         // [tokens, width]
    int width,
    int tokens,
    float scale,
    int accumulate,
    int rows)                              // of the table; 0 where nothing lies behind it that is found by them
{
    size_t element = get_global_id(0);
    if (element >= (size_t)tokens * width)
    {
        return;
    }

    size_t id = ids[element / width];
    float value = scale * weight_at(table, rows, width, id, element % width);
    output[element] = accumulate ? output[element] + value : value;
}
