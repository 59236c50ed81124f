// What the forms of the linear layer share. Bits of the argument flags:
#define BIAS 1       // a bias is added
#define ACCUMULATE 2 // the result is added to what the output holds

static void store(global const float *bias, global float *y, int rows, int row, int token, int flags, float sum)
{
    size_t output = (size_t)token * rows + row;
    sum += flags & BIAS ? bias[row] : 0;
    y[output] = flags & ACCUMULATE ? y[output] + sum : sum;
}

// The same for the rows from this one on, at most 16 of them.
static void store16(global const float *bias, global float *y, int rows, int row, int token, int flags, float16 sums)
{
    if (row + 16 <= rows)
    {
        global float *output = y + (size_t)token * rows + row;
        sums += flags & BIAS ? vload16(0, bias + row) : 0;
        sums += flags & ACCUMULATE ? vload16(0, output) : 0;
        vstore16(sums, 0, output);
        return;
    }

    float lanes[16];
    vstore16(sums, 0, lanes);
    for (int lane = 0; lane < rows - row; lane++)
    {
        store(bias, y, rows, row + lane, token, flags, lanes[lane]);
    }
}

static float sum8(float8 v)
{
    float4 a = v.lo + v.hi;
    float2 b = a.lo + a.hi;
    return b.x + b.y;
}
