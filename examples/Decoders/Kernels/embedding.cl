// output[t, i] = table[ids[t], i]. One work-item an element.
kernel void embedding(
    global const weight_t *restrict table, // [vocabulary, width]
    global const int *restrict ids,        // [tokens]
    global float *restrict output,         // [tokens, width]
    int width,
    int tokens)
{
    size_t element = get_global_id(0);
    if (element >= (size_t)tokens * width)
    {
        return;
    }

    size_t token = element / width;
    output[element] = weight(table, (size_t)ids[token] * width + element % width);
}
