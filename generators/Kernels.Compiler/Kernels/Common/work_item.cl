// Rows of one sequence against a range of its keys; the host plans the items, one work-group for each KV head takes one.
typedef struct
{
    //: for field in item_fields
    ${field.declaration}
    //: end
} WorkItem;

static WorkItem read_item(global const int* items, int index)
{
    const int8 x = vload8(0, items + index * ${item_ints});
    const int4 y = vload4(0, items + index * ${item_ints} + 8);
    const WorkItem item = { x.s0, x.s1, x.s2, x.s3, x.s4, x.s5, x.s6, x.s7, y.s0, y.s1, y.s2, y.s3, items[index * ${item_ints} + 12] };
    return item;
}
