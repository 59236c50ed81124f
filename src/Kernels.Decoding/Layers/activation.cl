// As the enum Activation.
#define SILU 0
#define GELU 1
#define GELU_TANH 2

static lanes_t activation(lanes_t x, int kind)
{
    if (kind == GELU)
    {
        return 0.5f * x * (1.0f + erf(x * M_SQRT1_2_F));
    }

    // ½·(1 + tanh(z)) is sigmoid(2·z).
    lanes_t z = x;
    if (kind == GELU_TANH)
    {
        z = 2.0f * M_2_SQRTPI_F * M_SQRT1_2_F * (x + 0.044715f * x * x * x);
    }

    return x / (1.0f + exp(-z));
}
