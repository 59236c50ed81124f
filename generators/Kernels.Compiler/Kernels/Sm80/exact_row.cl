//: # The row row_of_work once more, all work-items of a warp together. Holes: is_needed; first_column with a trailing plus and
//: # warp_columns, where a warp has not all columns of the output.
//: include Common/exact_row(
//:     row: row_of_work, row_lanes: row_of_work, team_size: 32, team_key: first_key + lane,
//:     columns: ((${warp_columns} + 31) / 32), column: ${first_column}lane + c * 32, has_column: lane + c * 32 < ${warp_columns},
//:     share: , shared: shuffle_from(own, i), end_share: , is_first: lane == 0 && ,
//:     float_type: float, no_score: -INFINITY, zero: 0.0f, rolled: #pragma unroll 1, masked: -1.0f)
