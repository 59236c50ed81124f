// The layers of a decoder that have no matrix in them. All activations are float32.

// output[r] = input[r] / sqrt(mean(input[r]²) + epsilon) · weight. One work-group a row; any work-group size.
kernel void rms_norm(
    global const float *restrict input,  // [rows, width]
    global const float *restrict weight, // [width]
    global float *restrict output,       // [rows, width]
    int width,
    float epsilon,
    local float *partial)                // [work-group size]
{
    int lane = get_local_id(0);
    int lanes = get_local_size(0);
    size_t first = (size_t)get_group_id(0) * width;
    int whole = width / 8;
    float8 sums = 0;
    for (int i = lane; i < whole; i += lanes)
    {
        float8 v = vload8(i, input + first);
        sums = fma(v, v, sums);
    }

    float4 half_sums = sums.lo + sums.hi;
    float sum = half_sums.x + half_sums.y + half_sums.z + half_sums.w;
    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        sum = fma(input[first + i], input[first + i], sum);
    }

    // Every work-item adds up all partial sums in the same order, so that the result does not depend on their timing.
    partial[lane] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0;
    for (int i = 0; i < lanes; i++)
    {
        sum += partial[i];
    }

    float factor = 1.0f / sqrt(sum / width + epsilon);
    for (int i = lane; i < whole; i += lanes)
    {
        vstore8(vload8(i, input + first) * factor * vload8(i, weight), i, output + first);
    }

    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        output[first + i] = input[first + i] * factor * weight[i];
    }
}

// Takes the heads of one projection out of rows that hold several, and rotates the first rotary_dim elements of each head by
// its token's position; the others are copied. One work-item an element of the output.
kernel void rope(
    global const float *restrict input,   // [tokens, stride]; the heads begin at offset
    global float *restrict output,        // [tokens, heads, head_dim]
    global const int *restrict positions, // [tokens]
    global const float *restrict table,   // [positions, rotary_dim / 2, (cosine, sine)]
    int stride,
    int offset,
    int heads,
    int head_dim,
    int rotary_dim,
    int interleaved,                      // pairs are (2i, 2i + 1), else (i, i + rotary_dim / 2)
    int tokens)
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
    global const float *row = input + (size_t)token * stride + offset + column;
    float value = row[0];
    if (dim < rotary_dim)
    {
        int pairs = rotary_dim / 2;
        bool second = interleaved ? dim % 2 == 1 : dim >= pairs;
        int pair = interleaved ? dim / 2 : (second ? dim - pairs : dim);
        int distance = interleaved ? 1 : pairs;
        float other = row[second ? -distance : distance];
        float2 turn = vload2((size_t)positions[token] * pairs + pair, table);
        value = value * turn.x + (second ? other : -other) * turn.y;
    }

    output[element] = value;
}

// output[t, i] = silu(gate) · up, where a row of the input is [gate, up]. One work-item an element of the output.
kernel void swiglu(
    global const float *restrict input, // [tokens, 2, width]
    global float *restrict output,      // [tokens, width]
    int width,
    int tokens)
{
    size_t element = get_global_id(0);
    if (element >= (size_t)tokens * width)
    {
        return;
    }

    size_t gate_index = element / width * 2 * width + element % width;
    float gate = input[gate_index];
    output[element] = gate / (1.0f + exp(-gate)) * input[gate_index + width];
}
