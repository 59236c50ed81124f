// Weights in groups into strips and units (tensor_codes.cl), out of rows, and out of them again. Before it is what reads rows (weights_groups.cl).

// The codes of a matrix that begins at a byte. A work-item a word.
kernel void arrange_codes(
    global const uchar* restrict from, global uchar* restrict matrix, int columns, int rows, ulong from_start, ulong to_start)
{
    from += from_start;
    global uint* const to = (global uint*)(matrix + to_start);
    const int units = (columns + 63) / 64;
    const size_t item = get_global_id(0), unit = item / (128 * CODE_LOADS);
    const size_t strip = unit / units;
    if (strip >= strips_of(rows))
    {
        return;
    }
    const int lane = item % 128 / 4, word = item % 4 + item % (128 * CODE_LOADS) / 128 * 4;
    const int row = (int)strip * STRIP_ROWS + lane / 4 + word % 2 * 8;
    const int first = (int)(unit % units) * 64 + word / 2 * (CODE_LOADS == 2 ? 16 : 32) + lane % 4 * 4;
    uint bits = 0;
    for (int i = 0; i < 32 / CODE_BITS; i++)
    {
        // Both halves of a word are taken at once: first all codes of the lower half, then those of the upper half.
        const int in_half = i % (16 / CODE_BITS), second = i / (16 / CODE_BITS);
        const int column = first + in_half / 2 * 16 + in_half % 2 * 2 + second;
        if (row < rows && column < columns)
        {
            bits |= code_bits(from, columns, row, column) << (second * 16 + in_half * CODE_BITS);
        }
    }
    to[item] = bits;
}

// Scales, or minima, of a plane. A work-item one of them. A group with a code that is not a number has a scale that is none either.
kernel void arrange_factors(
    global const uchar* restrict from, global uchar* restrict matrix, int columns, int rows, ulong from_start, ulong to_start, int is_minimum)
{
    from += from_start;
    matrix += to_start;
    const int groups = GROUPS(columns), padded = factor_units(columns) * SUBS;
    const size_t item = get_global_id(0);
    const int row = (int)(item / padded), group = (int)(item % padded);
    if (row >= (int)strips_of(rows) * STRIP_ROWS)
    {
        return;
    }
    global const uchar* const planes = from + codes_bytes(rows, columns) + (is_minimum ? factors_bytes(rows, columns) : 0);
    global uchar* const to = matrix + unit_codes(rows, columns) + (is_minimum ? unit_factors(rows, columns) : 0);
    const size_t unit = (size_t)(row / STRIP_ROWS) * (padded / SUBS) + group / SUBS;
    const size_t at = (unit * 8 + row % 8) * (2 * SUBS) + group % SUBS * 2 + row % 16 / 8;
    const bool is_there = row < rows && group < groups;
    const size_t own = (size_t)row * groups + group;
#if SCALE == 1
    uint bits = is_there ? ((global const uint*)planes)[own] : 0;
#if CODE == E4M3
    for (int i = group * GROUP; is_there && i < min(group * GROUP + GROUP, columns); i++)
    {
        bits = (code_bits(from, columns, row, i) & 0x7F) == 0x7F ? 0x7FC00000u : bits;
    }
#endif
    ((global uint*)to)[at] = bits;
#elif SCALE == 2
    ushort bits = is_there ? ((global const ushort*)planes)[own] : 0;
#if CODE == E4M3
    for (int i = group * GROUP; is_there && i < min(group * GROUP + GROUP, columns); i++)
    {
        bits = (code_bits(from, columns, row, i) & 0x7F) == 0x7F ? 0x7E00 : bits;
    }
#endif
    ((global ushort*)to)[at] = bits;
#else
    to[at] = is_there ? planes[own] : 0;
#if SCALE == CODED
    const int supers = SUPERS(columns), super = group * GROUP / SUPER;
    if (group * GROUP % SUPER == 0 && super < supers)
    {
        global const ushort* const all = (global const ushort*)(planes + plane((size_t)rows * groups));
        global ushort* const to_super = (global ushort*)(to + unit_scales(rows, columns));
        to_super[((size_t)(row / STRIP_ROWS) * supers + super) * 16 + row % 8 * 2 + row % 16 / 8] = row < rows ? all[(size_t)row * supers + super] : 0;
    }
#endif
#endif
}

// The number of a weight.
static float weight_of(global const uchar* w, int columns, int rows, int row, int column)
{
    const size_t strip = row / STRIP_ROWS, units = (columns + 63) / 64;
    const int g = row % 8, below = row % 16 / 8, in_unit = column % 64, step = in_unit / 16, in_half = in_unit % 4 / 2;
    const int word = CODE_LOADS == 2 ? step * 2 + below : step / 2 * 2 + below;
    const int shift = column % 2 * 16 + (CODE_LOADS == 2 ? in_half * 8 : step % 2 * 8 + in_half * 4);
    const size_t lane = g * 4 + in_unit % 16 / 4;
    const uint all = ((global const uint*)w)[(strip * units + column / 64) * (128 * CODE_LOADS) + word / 4 * 128 + lane * 4 + word % 4];
    global const uchar* const scales = w + unit_codes(rows, columns);
    const float value = code(all >> shift & ((1 << CODE_BITS) - 1));
    const int sub = GROUP < 64 ? in_unit / GROUP : 0;
    factors_t f = factors_at(scales, strip, column / 64, rows, columns, g);
#if MINIMUM
    factors_t least = factors_at(scales + unit_factors(rows, columns), strip, column / 64, rows, columns, g);
    return fma(factor_of(f, sub, below), value, factor_of(least, sub, below));
#else
    return factor_of(f, sub, below) * value;
#endif
}

// output[t, i] = scale · table[ids[t], i], or output[t, i] += that. A work-item an element.
kernel void embed_units(
    global const uchar* restrict table, global const int* restrict ids, global float* restrict output, int width, int tokens, float scale,
    int accumulate, int rows)
{
    const size_t element = get_global_id(0);
    if (element < (size_t)tokens * width)
    {
        const float value = scale * weight_of(table, width, rows, ids[element / width], (int)(element % width));
        output[element] = accumulate ? output[element] + value : value;
    }
}
