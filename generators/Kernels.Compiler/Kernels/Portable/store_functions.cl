//: # The functions by which outputs and partial outputs are stored. whole_values: VALUE_DIM is a multiple of four.
//: if whole_values
// Stores x as elements d to d + 3 of an output.
static void store_output(global ${storage}* row, int d, float4 x)
{
    ${store_4(row + d, x)}
}

// Stores x as elements d to d + 3 of a partial output.
static void store_partial(global float* row, int d, float4 x)
{
    vstore4(x, 0, row + d);
}
//: else
// Stores x as elements d to d + 3 of an output; nothing past VALUE_DIM.
static void store_output(global ${storage}* row, int d, float4 x)
{
    if (d + 4 > VALUE_DIM)
    {
        ${store(row + d, x.s0)}
        if (d + 1 < VALUE_DIM) ${store(row + d + 1, x.s1)}
        if (d + 2 < VALUE_DIM) ${store(row + d + 2, x.s2)}
        return;
    }
    ${store_4(row + d, x)}
}

// Stores x as elements d to d + 3 of a partial output; nothing past VALUE_DIM.
static void store_partial(global float* row, int d, float4 x)
{
    if (d + 4 > VALUE_DIM)
    {
        row[d] = x.s0;
        if (d + 1 < VALUE_DIM) row[d + 1] = x.s1;
        if (d + 2 < VALUE_DIM) row[d + 2] = x.s2;
        return;
    }
    vstore4(x, 0, row + d);
}
//: end
