//: # Loads the item's queries into query_tile, rows of QUERY_STRIDE float4s with zeros past the item's end, and turns them where they
//: # lie; a barrier must follow.
for (int i = get_local_id(0); i < ROWS * HEAD_DIM4; i += WORK_GROUP)
{
    const int row = i / HEAD_DIM4;
    const int column = i % HEAD_DIM4;
    float4 q = (float4)(0.0f);
    if (row < item.row_count)
    {
        q = load_query(queries + packed_row(item, kv_head, row) * HEAD_DIM, column * 4) * ${query_factor};
    }
    query_tile[row * QUERY_STRIDE + column] = q;
}
//: if rope
barrier(CLK_LOCAL_MEM_FENCE);
for (int i = get_local_id(0); i < item.row_count * (ROTARY_DIM / 2); i += WORK_GROUP)
{
    const int row = i / (ROTARY_DIM / 2);
    const int pair = i % (ROTARY_DIM / 2);
    local float* const q = (local float*)(query_tile + row * QUERY_STRIDE);
    const float2 turned = turn_pair(q[${rope_first(pair)}], q[${rope_second(pair)}], query_angles(item, row, rope)[pair]);
    q[${rope_first(pair)}] = turned.s0;
    q[${rope_second(pair)}] = turned.s1;
}
//: else

//: end
