//: # Rope on the queries where they lie, in query_tile; a barrier must follow.
for (int i = get_local_id(0); i < work.row_count * (ROTARY_DIM / 2); i += WORK_GROUP)
{
    const int row = i / (ROTARY_DIM / 2);
    const int pair = i % (ROTARY_DIM / 2);
    local float* const q = (local float*)(query_tile + row * QUERY_STRIDE);
    const float2 turned = turn_pair(q[${rope_first(pair)}], q[${rope_second(pair)}], query_angles(work, row, rope)[pair]);
    q[${rope_first(pair)}] = turned.s0;
    q[${rope_second(pair)}] = turned.s1;
}
