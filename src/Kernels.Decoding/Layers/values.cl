// Activations between a projection and attention are float32 (type 0) or, where attention is told so, float16 (1) or bfloat16 (2), which is
// the upper half of a float, rounded to the nearest, ties to even; NaN stays NaN.
static float load_value(global const void *from, size_t index, int type)
{
    switch (type)
    {
        case 1: return vload_half(index, (global const half *)from);
        case 2: return as_float((uint)((global const ushort *)from)[index] << 16);
        default: return ((global const float *)from)[index];
    }
}

static void store_value(float value, global void *to, size_t index, int type)
{
    const uint bits = as_uint(value);
    switch (type)
    {
        case 1: vstore_half(value, index, (global half *)to); break;
        case 2: ((global ushort *)to)[index] = (ushort)((isnan(value) ? bits | 0x400000u : bits + 0x7FFF + (bits >> 16 & 1)) >> 16); break;
        default: ((global float *)to)[index] = value; break;
    }
}

static float16 load_values16(global const void *from, size_t index, int type)
{
    switch (type)
    {
        case 1: return vload_half16(0, (global const half *)from + index);
        case 2: return as_float16(convert_uint16(vload16(0, (global const ushort *)from + index)) << 16);
        default: return vload16(0, (global const float *)from + index);
    }
}

static void store_values16(float16 values, global void *to, size_t index, int type)
{
    const uint16 bits = as_uint16(values);
    switch (type)
    {
        case 1: vstore_half16(values, 0, (global half *)to + index); break;
        case 2:
            vstore16(convert_ushort16(select(bits + 0x7FFF + (bits >> 16 & 1), bits | 0x400000u, isnan(values)) >> 16), 0, (global ushort *)to + index);
            break;
        default: vstore16(values, 0, (global float *)to + index); break;
    }
}
