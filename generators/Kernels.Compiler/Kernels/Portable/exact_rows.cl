//: # The rows that are poisoned once more, all work-items together; weights has room for a float of each. Hole: member, the place of one.
barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
for (int row = 0; row < work.row_count; row++)
{
    const int member = ${member};
    //: include Common/exact_row(
    //:     row: row, row_lanes: row, is_needed: poisoned[row], team_size: WORK_GROUP, team_key: first_key + member,
    //:     columns: ((VALUE_DIM + WORK_GROUP - 1) / WORK_GROUP), column: member + c * WORK_GROUP, has_column: d < VALUE_DIM,
    //:     share: weights[member] = own;\nbarrier(CLK_LOCAL_MEM_FENCE);, shared: weights[i],
    //:     end_share: barrier(CLK_LOCAL_MEM_FENCE); // the numbers have been used, is_first: member == 0 && ,
    //:     float_type: float, no_score: -INFINITY, zero: 0.0f, rolled: #pragma unroll 1, masked: -1.0f)
}
