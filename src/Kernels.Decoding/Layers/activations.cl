// What has no weights: activations, gated units, factors and the cap on logits.

// output[i] = activation(input[i]). One work-item LANES elements.
kernel void activate(
    global const float *restrict input,
    global float *restrict output,
    int kind,
    ulong elements)
{
    size_t element = get_global_id(0) * LANES;
    if (element < elements)
    {
        int count = (int)min(elements - element, (ulong)LANES);
        store_lanes(activation(load_lanes(input + element, count), kind), output + element, count);
    }
}

// output[r, i] = activation(gate) · up, where a row of the input is [gate, up]. One work-item LANES elements of a row.
kernel void gate_halves(
    global const float *restrict input, // [rows, 2, width]
    global float *restrict output,      // [rows, width]
    int kind,
    int width,
    int rows)
{
    int parts = (width + LANES - 1) / LANES;
    size_t item = get_global_id(0);
    size_t row = item / parts;
    if (row < (size_t)rows)
    {
        int column = (int)(item % parts) * LANES;
        int count = min(width - column, LANES);
        global const float *gate = input + row * 2 * width + column;
        lanes_t gated = activation(load_lanes(gate, count), kind) * load_lanes(gate + width, count);
        store_lanes(gated, output + row * width + column, count);
    }
}

// output[r, i] = gate · sigmoid(alpha · gate) · (up + 1), both clamped first, where a row of the input is pairs (gate, up).
// One work-item an element of the output.
kernel void gate_pairs_clamped(
    global const float *restrict input, // [rows, width, 2]
    global float *restrict output,      // [rows, width]
    float alpha,
    float limit,
    ulong elements)
{
    size_t element = get_global_id(0);
    if (element < elements)
    {
        float2 pair = vload2(element, input);
        float gate = fmin(pair.x, limit);
        float up = clamp(pair.y, -limit, limit);
        output[element] = gate / (1.0f + exp(-alpha * gate)) * (up + 1.0f);
    }
}

// values[i] = cap · tanh(values[i] / cap). One work-item an element.
kernel void softcap(
    global float *restrict values,
    float cap,
    ulong elements)
{
    size_t element = get_global_id(0);
    if (element < elements)
    {
        values[element] = cap * tanh(values[element] / cap);
    }
}

// values[i] *= factor. One work-item an element.
kernel void scale(
    global float *restrict values,
    float factor,
    ulong elements)
{
    size_t element = get_global_id(0);
    if (element < elements)
    {
        values[element] *= factor;
    }
}

// output[i] += factor · input[i]. One work-item an element.
kernel void add_scaled(
    global const float *restrict input,
    global float *restrict output,
    float factor,
    ulong elements)
{
    size_t element = get_global_id(0);
    if (element < elements)
    {
        output[element] = fma(factor, input[element], output[element]);
    }
}
