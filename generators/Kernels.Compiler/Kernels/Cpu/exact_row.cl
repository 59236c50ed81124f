//: # A row of the work tile once more, by the one work-item that there is. Holes: row, is_needed.
//: include Common/exact_row(
//:     row_lanes: (lanes_int)(${row}), team_size: ${score_lanes}, team_key: first_key, columns: VALUE_DIM, column: c, has_column: ,
//:     share: , shared: ((const float*)&own)[i], end_share: , is_first: ,
//:     float_type: lanes_float, no_score: (lanes_float)(-INFINITY), zero: (lanes_float)(0.0f), rolled: , masked: (lanes_float)(-1.0f))
