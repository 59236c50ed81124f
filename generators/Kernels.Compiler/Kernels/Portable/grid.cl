//: # Flash attention over a tile of keys or values in local memory, for every OpenCL device: the work-items form a grid over the tile.
//: # Work-item (x, y) has the rows y, y + THREADS_Y, ... and of each the keys, and later the columns of the output, x, x + THREADS_X, ....
//: # Queries, one tile of keys or values, and the scores are in local memory as float32.
//: #
//: # whole_heads, whole_values: HEAD_DIM, VALUE_DIM are multiples of four. whole_columns: all work-items have as many columns.
//: section tile
//: include grid_constants(kv_stride: ${tile_stride})
//: section functions
//: if !whole_heads or !latent and !whole_values
//: once load_function(width: 1)
//: end
//: once load_function(width: 4)
//: if whole_heads
// Elements d to d + 3 of a key, as float32.
//: else
// Elements d to d + 3 of a key, as float32; zeros past HEAD_DIM.
//: end
static float4 load_key(global const ${cache}* row, int d)
{
    //: if !whole_heads
    if (d + 4 > HEAD_DIM)
    {
        return (float4)(${load_cached(row, d)},
            d + 1 < HEAD_DIM ? ${load_cached(row, d + 1)} : 0.0f,
            d + 2 < HEAD_DIM ? ${load_cached(row, d + 2)} : 0.0f, 0.0f);
    }
    //: end
    return ${load_cached_vector(4, row, d)};
}

//: if !latent
//: if whole_values
// Elements d to d + 3 of a value, as float32.
//: else
// Elements d to d + 3 of a value, as float32; zeros past VALUE_DIM.
//: end
static float4 load_value(global const ${cache}* row, int d)
{
    //: if !whole_values
    if (d + 4 > VALUE_DIM)
    {
        return (float4)(${load_cached(row, d)},
            d + 1 < VALUE_DIM ? ${load_cached(row, d + 1)} : 0.0f,
            d + 2 < VALUE_DIM ? ${load_cached(row, d + 2)} : 0.0f, 0.0f);
    }
    //: end
    return ${load_cached_vector(4, row, d)};
}

//: end
//: include load_query

//: include store_functions

//: section kernel
local float4 query_tile[ROWS * QUERY_STRIDE];
local float4 kv_tile[KEYS * KV_STRIDE]; // keys, then values
local float4 score_tile[ROWS * SCORE_STRIDE];
local float* const scores = (local float*)score_tile;
const int x = get_local_id(0) % THREADS_X;
const int y = get_local_id(0) / THREADS_X;

//: include load_queries

//: include begin_rows

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    barrier(CLK_LOCAL_MEM_FENCE); // the tile before is no longer read
    //: include grid#load_tile(columns: HEAD_DIM4, load: load_key, cache: keys, row_of: key_row)
    barrier(CLK_LOCAL_MEM_FENCE);

    //: include begin_scores
    for (int d = 0; d < HEAD_DIM4; d++)
    {
        float4 k[KEYS_EACH];
        for (int j = 0; j < KEYS_EACH; j++)
        {
            k[j] = kv_tile[(x + j * THREADS_X) * KV_STRIDE + d];
        }
        for (int i = 0; i < ROWS_EACH; i++)
        {
            const float4 q = query_tile[(y + i * THREADS_Y) * QUERY_STRIDE + d];
            for (int j = 0; j < KEYS_EACH; j++)
            {
                score[i][j] += dot(q, k[j]);
            }
        }
    }
    //: include scale_scores

    //: include transform_scores

    //: include mask_scores

    for (int i = 0; i < ROWS_EACH; i++)
    {
        for (int j = 0; j < KEYS_EACH; j++)
        {
            scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x + j * THREADS_X] = score[i][j];
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    //: # In a latent cache the keys are there still, and their first elements are the values.
    //: if !latent
    // The keys have been used: their place takes the values while the rows find their new maximum.
    //: include grid#load_tile(columns: VALUE_DIM4, load: load_value, cache: values, row_of: value_row)
    //: end

    //: include softmax(shared_float4s: KEYS / 4)
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int j = 0; j < KEYS; j++)
    {
        float4 v[COLUMNS_EACH];
        for (int c = 0; c < COLUMNS_EACH; c++)
        {
            //: if whole_columns
            v[c] = kv_tile[j * KV_STRIDE + x + c * THREADS_X];
            //: else
            v[c] = x + c * THREADS_X < VALUE_DIM4 ? kv_tile[j * KV_STRIDE + x + c * THREADS_X] : (float4)(0.0f);
            //: end
        }
        for (int i = 0; i < ROWS_EACH; i++)
        {
            const float p = scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + j];
            for (int c = 0; c < COLUMNS_EACH; c++)
            {
                output[i][c] += p * v[c];
            }
        }
    }
}

//: include store_rows
//: section load_tile
//: # Loads a tile of keys or values into kv_tile. Holes: columns, float4s of a row; load, the function that loads one; cache, the
//: # buffer; row_of, the function that finds a row in it.
for (int i = get_local_id(0); i < KEYS * ${columns}; i += WORK_GROUP)
{
    const int row = i / ${columns};
    const int column = i % ${columns};
    const int key = first_key + row;
    kv_tile[row * KV_STRIDE + column] = key < work.kv_end
        ? ${load}(${cache} + ${row_of}(sequence, kv_head, key, ${addressing}), column * 4)
        : (float4)(0.0f); // unwritten slots may hold NaN
}
