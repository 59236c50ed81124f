// Takes the heads of one kind out of rows that hold several kinds, to where they lie in rows of the output, and rotates the first
// rotary_dim elements of each head by its token's position; the others are copied. One work-item an element.
kernel void rope(
    global const void *restrict input,    // [tokens, stride]; the heads begin at offset
    global void *restrict output,         // [tokens, output_stride]; the heads begin at output_offset
    global const int *restrict positions, // [tokens]
    global const float *restrict table,   // [positions, rotary_dim / 2, (cosine, sine)]
    int stride,
    int offset,
    int head_stride,                      // from one head to the next
    int heads,
    int head_dim,
    int rotary_dim,
    int interleaved,                      // pairs are (2i, 2i + 1), else (i, i + rotary_dim / 2)
    int tokens,
    int output_stride,
    int output_offset,
    int output_head_stride,
    int input_type,                       // as in values.cl
    int output_type)
{
    size_t element = get_global_id(0);
    int width = heads * head_dim;
    if (element >= (size_t)tokens * width)
    {
        return;
    }

    int token = (int)(element / width);
    int column = (int)(element % width);
    int dim = column % head_dim;
    size_t from = (size_t)token * stride + offset + column / head_dim * head_stride + dim;
    float value = load_value(input, from, input_type);
    if (dim < rotary_dim)
    {
        int pairs = rotary_dim / 2;
        bool second = interleaved ? dim % 2 == 1 : dim >= pairs;
        int pair = interleaved ? dim / 2 : (second ? dim - pairs : dim);
        int distance = interleaved ? 1 : pairs;
        float other = load_value(input, second ? from - distance : from + distance, input_type);
        float2 turn = vload2((size_t)positions[token] * pairs + pair, table);
        value = value * turn.x + (second ? other : -other) * turn.y;
    }

    store_value(value, output, (size_t)token * output_stride + output_offset + column / head_dim * output_head_stride + dim, output_type);
}

// Queries, keys and values of a projection at once, each to a buffer of their own, packed: as rope for queries and keys, a copy for values.
// One work-item an element.
kernel void rope_projection(
    global const float *restrict input,   // [tokens, stride]
    global void *restrict queries,        // [tokens, heads, head_dim]
    global void *restrict keys,           // [tokens, kv_heads, head_dim]
    global void *restrict values,         // [tokens, kv_heads, head_dim]
    global const int *restrict positions, // [tokens]
    global const float *restrict table,   // [positions, rotary_dim / 2, (cosine, sine)]
    int stride,
    int query_offset,
    int key_offset,
    int value_offset,
    int head_stride,
    int heads,
    int kv_heads,
    int head_dim,
    int rotary_dim,                       // 0: none turns
    int interleaved,
    int tokens,
    int output_type)
{
    size_t element = get_global_id(0);
    int width = (heads + 2 * kv_heads) * head_dim;
    if (element >= (size_t)tokens * width)
    {
        return;
    }

    int token = (int)(element / width);
    int head = (int)(element % width) / head_dim;
    int dim = (int)(element % width) % head_dim;
    int is_query = head < heads;
    int is_value = head >= heads + kv_heads;
    int own_head = is_query ? head : is_value ? head - heads - kv_heads : head - heads;
    size_t from = (size_t)token * stride + (is_query ? query_offset : is_value ? value_offset : key_offset) + own_head * head_stride + dim;
    float value = input[from];
    if (!is_value && dim < rotary_dim)
    {
        int pairs = rotary_dim / 2;
        int second = interleaved ? dim % 2 == 1 : dim >= pairs;
        int pair = interleaved ? dim / 2 : (second ? dim - pairs : dim);
        int distance = interleaved ? 1 : pairs;
        float other = input[second ? from - distance : from + distance];
        float2 turn = vload2((size_t)positions[token] * pairs + pair, table);
        value = value * turn.x + (second ? other : -other) * turn.y;
    }

    size_t to = ((size_t)token * (is_query ? heads : kv_heads) + own_head) * head_dim + dim;
    store_value(value, is_query ? queries : is_value ? values : keys, to, output_type);
}
