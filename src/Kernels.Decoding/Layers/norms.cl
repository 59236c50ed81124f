// Norms of rows. One work-group a row; any work-group size.

// Partial sums are added in the same order each time, so that the result does not depend on their timing.
static float sum_of_group(float8 sums, float rest, local float *partial)
{
    float4 half_sums = sums.lo + sums.hi;
    int lanes = get_local_size(0);
    barrier(CLK_LOCAL_MEM_FENCE); // the sum before this one has been read
    partial[get_local_id(0)] = half_sums.x + half_sums.y + half_sums.z + half_sums.w + rest;
    barrier(CLK_LOCAL_MEM_FENCE);
    if ((lanes & (lanes - 1)) == 0)
    {
        // Pairs of sums, so that nothing waits for more than a few.
        for (int step = lanes / 2; step > 0; step /= 2)
        {
            if (get_local_id(0) < step)
            {
                partial[get_local_id(0)] += partial[get_local_id(0) + step];
            }

            barrier(CLK_LOCAL_MEM_FENCE);
        }

        return partial[0];
    }

    float sum = 0;
    for (int i = 0; i < lanes; i++)
    {
        sum += partial[i];
    }

    return sum;
}

// output[r] = input[r] / sqrt(mean(input[r]²) + epsilon) · weight, or output[r] += that. Rows may be the heads of a
// projection: row r is head r % heads of token r / heads.
kernel void rms_norm(
    global const float *restrict input,  // [tokens, stride]; the heads begin at offset
    global const float *restrict weight, // [width]
    global float *restrict output,       // [tokens, heads, width]
    int width,
    int heads,
    int stride,
    int offset,
    int head_stride,
    float epsilon,
    int accumulate,
    local float *partial)                // [work-group size]
{
    int lane = get_local_id(0);
    int lanes = get_local_size(0);
    int row = get_group_id(0);
    global const float *x = input + (size_t)(row / heads) * stride + offset + row % heads * head_stride;
    global float *y = output + (size_t)row * width;
    int whole = width / 8;
    float8 sums = 0;
    for (int i = lane; i < whole; i += lanes)
    {
        float8 v = vload8(i, x);
        sums = fma(v, v, sums);
    }

    float rest = 0;
    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        rest = fma(x[i], x[i], rest);
    }

    float factor = 1.0f / sqrt(sum_of_group(sums, rest, partial) / width + epsilon);
    for (int i = lane; i < whole; i += lanes)
    {
        float8 before = accumulate ? vload8(i, y) : 0;
        vstore8(before + vload8(i, x) * factor * vload8(i, weight), i, y);
    }

    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        y[i] = (accumulate ? y[i] : 0) + x[i] * factor * weight[i];
    }
}

// output[r] = (input[r] − mean) / sqrt(variance + epsilon) · weight + bias, if there is one.
kernel void layer_norm(
    global const float *restrict input,  // [rows, width]
    global const float *restrict weight, // [width]
    global const float *restrict bias,   // [width]
    global float *restrict output,       // [rows, width]
    int width,
    float epsilon,
    int has_bias,
    local float *partial)                // [work-group size]
{
    int lane = get_local_id(0);
    int lanes = get_local_size(0);
    global const float *x = input + (size_t)get_group_id(0) * width;
    global float *y = output + (size_t)get_group_id(0) * width;
    int whole = width / 8;
    float8 sums = 0;
    float rest = 0;
    for (int i = lane; i < whole; i += lanes)
    {
        sums += vload8(i, x);
    }

    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        rest += x[i];
    }

    float mean = sum_of_group(sums, rest, partial) / width;
    sums = 0;
    rest = 0;
    for (int i = lane; i < whole; i += lanes)
    {
        float8 v = vload8(i, x) - mean;
        sums = fma(v, v, sums);
    }

    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        float v = x[i] - mean;
        rest = fma(v, v, rest);
    }

    float factor = 1.0f / sqrt(sum_of_group(sums, rest, partial) / width + epsilon);
    for (int i = lane; i < whole; i += lanes)
    {
        float8 shift = has_bias ? vload8(i, bias) : 0;
        vstore8((vload8(i, x) - mean) * factor * vload8(i, weight) + shift, i, y);
    }

    for (int i = whole * 8 + lane; i < width; i += lanes)
    {
        y[i] = (x[i] - mean) * factor * weight[i] + (has_bias ? bias[i] : 0);
    }
}
