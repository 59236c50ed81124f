// What the forms of the linear layer share. Bits of the argument flags:
#define BIAS 1       // a bias is added
#define ACCUMULATE 2 // the result is added to what the output holds

static void store(global const float *bias, global float *y, int rows, int row, int token, int flags, float sum)
{
    size_t output = (size_t)token * rows + row;
    sum += flags & BIAS ? bias[row] : 0;
    y[output] = flags & ACCUMULATE ? y[output] + sum : sum;
}

static float sum4(float4 v)
{
    float2 a = v.lo + v.hi;
    return a.x + a.y;
}

static float sum8(float8 v)
{
    return sum4(v.lo + v.hi);
}

static float sum16(float16 v)
{
    return sum8(v.lo + v.hi);
}
