//: # The constants of a tile whose scores and outputs are shared out over a grid of work-items. Hole: kv_stride.
#define THREADS_X ${threads_x} // work-items along the keys and along the columns of the output
#define THREADS_Y ${threads_y} // work-items along the rows
#define WORK_GROUP (THREADS_X * THREADS_Y)
#define ROWS_EACH ${rows_each} // rows of one work-item
#define KEYS_EACH ${keys_each} // keys of one work-item
#define COLUMNS_EACH ${columns_each} // float4 columns of the output of one work-item

// In float4s. Strides are odd, so that rows begin in different banks of local memory.
#define HEAD_DIM4 ${head_dim_4}
#define VALUE_DIM4 ${value_dim_4}
#define QUERY_STRIDE ${query_stride}
#define KV_STRIDE ${kv_stride}
#define SCORE_STRIDE ${score_stride}
