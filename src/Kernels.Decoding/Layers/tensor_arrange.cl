// A matrix, row after row, into blocks, from elements on. A work-item a piece.
kernel void arrange(global const ushort* restrict from, global uint4* restrict to, int columns, int rows, ulong from_start, ulong to_start)
{
    from += from_start;
    to += to_start / 8;
    const int blocks = (columns + 63) / 64;
    const size_t item = get_global_id(0);
    const int row = (int)(item / (blocks * 8)), piece = (int)(item % (blocks * 8));
    if (row >= (rows + 63) / 64 * 64)
    {
        return;
    }
    uint4 elements = (uint4)(0);
    if (row < rows && piece * 8 < columns)
    {
        elements = *(global const uint4*)(from + (size_t)row * columns + piece * 8);
    }
    to[piece_at(row, piece, blocks)] = elements;
}

// output[t, i] = scale · table[ids[t], i], or output[t, i] += that. A work-item an element.
kernel void embed_blocks(
    global const ushort* restrict table, global const int* restrict ids, global float* restrict output, int width, int tokens, float scale,
    int accumulate)
{
    const size_t element = get_global_id(0);
    if (element < (size_t)tokens * width)
    {
        const int column = (int)(element % width);
        const size_t at = piece_at(ids[element / width], column / 8, (width + 63) / 64) * 8 + column % 8;
#if ELEMENT
        const float value = scale * vload_half(at, (global const half*)table);
#else
        const float value = scale * as_float((uint)table[at] << 16);
#endif
        output[element] = accumulate ? output[element] + value : value;
    }
}
