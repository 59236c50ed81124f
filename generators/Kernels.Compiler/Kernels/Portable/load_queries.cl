//: # Loads the work tile's queries into query_tile, rows of QUERY_STRIDE float4s with zeros past the work tile's end, and turns them where they
//: # lie; a barrier must follow.
for (int i = get_local_id(0); i < ROWS * HEAD_DIM4; i += WORK_GROUP)
{
    const int row = i / HEAD_DIM4;
    const int column = i % HEAD_DIM4;
    float4 q = (float4)(0.0f);
    if (row < work.row_count)
    {
        q = load_query(queries + packed_row(work, kv_head, row) * HEAD_DIM, column * 4) * ${query_factor};
    }
    query_tile[row * QUERY_STRIDE + column] = q;
}
//: if rope
barrier(CLK_LOCAL_MEM_FENCE);
//: include turn_queries
//: end
