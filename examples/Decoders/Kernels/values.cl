// Activations between a projection and attention are float32 or, where attention is told so, float16.
static float load_value(global const void *from, size_t index, int is_half)
{
    return is_half ? vload_half(index, (global const half *)from) : ((global const float *)from)[index];
}

static void store_value(float value, global void *to, size_t index, int is_half)
{
    if (is_half)
    {
        vstore_half(value, index, (global half *)to);
    }
    else
    {
        ((global float *)to)[index] = value;
    }
}

static float16 load_values16(global const void *from, size_t index, int is_half)
{
    return is_half ? vload_half16(0, (global const half *)from + index) : vload16(0, (global const float *)from + index);
}

static void store_values16(float16 values, global void *to, size_t index, int is_half)
{
    if (is_half)
    {
        vstore_half16(values, 0, (global half *)to + index);
    }
    else
    {
        vstore16(values, 0, (global float *)to + index);
    }
}
