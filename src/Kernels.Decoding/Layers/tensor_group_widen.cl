// A matrix in units to one of bfloat16 in blocks of 64 rows and 64 columns (tensor_shared.cl), for layers of many tokens. Weights are rounded. A
// warp a unit.
kernel __attribute__((reqd_work_group_size(256, 1, 1)))
void widen_units(global const uchar* restrict w, global uint2* restrict to, int columns, int rows)
{
    const int lane = get_local_id(0) % 32, g = lane / 4, t = lane % 4;
    const int units = (columns + 63) / 64;
    const size_t item = get_global_id(0) / 32;
    const size_t strip = item / units;
    const int unit = item % units;
    if (strip >= strips_of(rows))
    {
        return;
    }
    uint4 a[CODE_LOADS];
    #pragma unroll
    for (int i = 0; i < CODE_LOADS; i++)
    {
        a[i] = stream((global const uint4*)w + (item * CODE_LOADS + i) * 32 + lane);
    }
    global const uchar* const scales = w + unit_codes(rows, columns);
    const factors_t scale = factors_at(scales, strip, unit, rows, columns, g);
#if MINIMUM
    const factors_t minimum = factors_at(scales + unit_factors(rows, columns), strip, unit, rows, columns, g);
#endif
    #pragma unroll
    for (int step = 0; step < 4; step++)
    {
        const uint4 f = fragment(a, step);
        #pragma unroll
        for (int below = 0; below < 2; below++)
        {
            const int row = (int)strip * STRIP_ROWS + g + below * 8;
            float4 v = (float4)(unpack(below ? f.s1 : f.s0), unpack(below ? f.s3 : f.s2)) * factor_of(scale, step * SUBS / 4, below);
#if MINIMUM
            v += factor_of(minimum, step * SUBS / 4, below);
#endif
            to[piece_at(row, unit * 8 + step * 2 + t / 2, units) * 2 + t % 2] = (uint2)(pack(v.s0, v.s1), pack(v.s2, v.s3));
        }
    }
}
