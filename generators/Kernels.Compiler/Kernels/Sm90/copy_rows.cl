//: # Starts the copies of a tile's keys or values to a stage: eight work-items copy a row's part of each panel, whose pieces are swizzled
//: # by the row. Holes: from, the buffer; row, the function that finds a token's row there; dim; to, where the matrix lies.
#pragma unroll
for (int rows = 0; rows < KEYS; rows += COPY_ITEMS / 8)
{
    const int r = rows + copy_row;
    const int key = first_key + r;
    global const ${storage}* const row = ${from} + ${row}(sequence, kv_head, min(key, work.kv_end - 1), ${addressing}) + thread % 8 * 8;
    const uint row_at = ${to} + r * 128 + (thread % 8 ^ copy_row % 8) * 16;
    #pragma unroll
    for (int panel = 0; panel < ${dim} / 64; panel++)
    {
        copy_16(row_at + panel * KEYS * 128, row + panel * 64, key < work.kv_end);
    }
}
