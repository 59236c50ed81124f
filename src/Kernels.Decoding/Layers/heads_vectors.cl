// Takes the heads of one kind out of rows that hold several kinds, to where they lie in rows of the output, and rotates the first
// rotary_dim elements of each head by its token's position; the others are copied. For CPUs: one work-item a head.
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
    size_t token = get_global_id(0) / heads;
    int head = (int)(get_global_id(0) % heads);
    if (token >= (size_t)tokens)
    {
        return;
    }

    size_t from = token * stride + offset + head * head_stride;
    size_t to = token * output_stride + output_offset + head * output_head_stride;
    int pairs = rotary_dim / 2;
    global const float *turns = rotary_dim > 0 ? table + (size_t)positions[token] * rotary_dim : table;
    int pair = 0;
    if (!interleaved)
    {
        for (; pair + 16 <= pairs; pair += 16)
        {
            float16 low = vload16(0, turns + 2 * pair);
            float16 high = vload16(0, turns + 2 * pair + 16);
            float16 cosines = (float16)(low.even, high.even);
            float16 sines = (float16)(low.odd, high.odd);
            float16 first = load_values16(input, from + pair, input_type);
            float16 second = load_values16(input, from + pairs + pair, input_type);
            store_values16(first * cosines - second * sines, output, to + pair, output_type);
            store_values16(second * cosines + first * sines, output, to + pairs + pair, output_type);
        }
    }

    int distance = interleaved ? 1 : pairs;
    for (; pair < pairs; pair++)
    {
        size_t at = interleaved ? 2 * pair : pair;
        float2 turn = vload2(pair, turns);
        float first = load_value(input, from + at, input_type);
        float second = load_value(input, from + at + distance, input_type);
        store_value(first * turn.x - second * turn.y, output, to + at, output_type);
        store_value(second * turn.x + first * turn.y, output, to + at + distance, output_type);
    }

    int dim = rotary_dim;
    for (; dim + 16 <= head_dim; dim += 16)
    {
        store_values16(load_values16(input, from + dim, input_type), output, to + dim, output_type);
    }

    for (; dim < head_dim; dim++)
    {
        store_value(load_value(input, from + dim, input_type), output, to + dim, output_type);
    }
}
