// Rows of one sequence against a range of its keys; the host plans the items, one work-group for each KV head takes one.
typedef struct
{
    int query_begin; // index of the sequence's first query token among the packed tokens
    int first_row;   // the item's first row in the sequence: token * GROUP + head in group
    int row_count;   // rows of the item, at most ROWS
    int position;    // key position of the sequence's first query token
    int kv_begin;    // the keys to read
    int kv_end;
    int sequence;    // whose keys they are
    int partial_row; // where the partial state goes; -1: these are all the keys, write the final output
    int batch;       // index of the request in the launch
    int prefix;      // keys at the beginning that every query sees, in a prefix-LM
    int key_begin;   // index of the sequence's first key among the keys of all requests
    int first_partial_row; // of the first of the splits that the last of them merges
    int splits;            // how many these are; 0: none
} WorkItem;

static WorkItem read_item(global const int* items, int index)
{
    const int8 x = vload8(0, items + index * 13);
    const int4 y = vload4(0, items + index * 13 + 8);
    const WorkItem item = { x.s0, x.s1, x.s2, x.s3, x.s4, x.s5, x.s6, x.s7, y.s0, y.s1, y.s2, y.s3, items[index * 13 + 12] };
    return item;
}

// Index of an item's row among the (token, query head) rows of queries and outputs.
static long packed_row(WorkItem item, int kv_head, int row)
{
    const int r = item.first_row + row;
    return (long)(item.query_begin + r / GROUP) * QUERY_HEADS + kv_head * GROUP + r % GROUP;
}
