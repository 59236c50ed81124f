// What has no weights: activations, gated units and the cap on logits. One work-item an element of the output.

// As the enum Activation.
#define SILU 0
#define GELU 1
#define GELU_TANH 2

static float activation(float x, int kind)
{
    if (kind == SILU)
    {
        return x / (1.0f + exp(-x));
    }

    float turned = kind == GELU ? erf(x * M_SQRT1_2_F) : tanh(M_2_SQRTPI_F * M_SQRT1_2_F * (x + 0.044715f * x * x * x));
    return 0.5f * x * (1.0f + turned);
}

// output[i] = activation(input[i]).
kernel void activate(
    global const float *restrict input,
    global float *restrict output,
    int kind,
    ulong elements)
{
    size_t element = get_global_id(0);
    if (element < elements)
    {
        output[element] = activation(input[element], kind);
    }
}

// output[r, i] = activation(gate) · up, where a row of the input is [gate, up].
kernel void gate_halves(
    global const float *restrict input, // [rows, 2, width]
    global float *restrict output,      // [rows, width]
    int kind,
    int width,
    int rows)
{
    size_t element = get_global_id(0);
    if (element < (size_t)rows * width)
    {
        size_t gate = element / width * 2 * width + element % width;
        output[element] = activation(input[gate], kind) * input[gate + width];
    }
}

// output[r, i] = gate · sigmoid(alpha · gate) · (up + 1), both clamped first, where a row of the input is pairs (gate, up).
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

// values[i] = cap · tanh(values[i] / cap).
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
