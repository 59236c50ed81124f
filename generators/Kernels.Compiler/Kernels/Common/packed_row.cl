// Index of a work tile's row among the (token, query head) rows of queries and outputs.
static long packed_row(WorkTile work, int kv_head, int row)
{
    const int r = work.first_row + row;
    return (long)(work.query_begin + r / GROUP) * QUERY_HEADS + kv_head * GROUP + r % GROUP;
}
