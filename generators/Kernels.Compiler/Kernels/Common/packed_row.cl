// Index of an item's row among the (token, query head) rows of queries and outputs.
static long packed_row(WorkItem item, int kv_head, int row)
{
    const int r = item.first_row + row;
    return (long)(item.query_begin + r / GROUP) * QUERY_HEADS + kv_head * GROUP + r % GROUP;
}
