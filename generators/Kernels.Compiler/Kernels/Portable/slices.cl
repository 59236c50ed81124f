//: # Flash attention of many query rows on a GPU, bound by multiply-adds and by what they read of local memory: a work-item has many
//: # scores and outputs, so that it multiplies often with what it has read. Work-item (x, y) has the rows y, y + THREADS_Y, ... and of
//: # each the keys, and later the columns of the output, x, x + THREADS_X, .... Keys come in slices of their elements, values a few keys
//: # at a time, in pieces of up to 16 bytes, each on its way while the one before is multiplied. Queries, a slice of the keys or a stage
//: # of the values, and the scores are in local memory as float32.
//: #
//: # piece, piece_elements: the type of a piece, and the elements of one; small_pieces: these are four, not eight.
//: section tile
//: include grid_constants(kv_stride: ${tile_stride} // of a slice of the keys; values have none between them)

#define PIECE ${piece_elements} // elements that are loaded at a time
#define SLICE ${slice} // elements of the keys that are in local memory at a time
#define STAGE ${stage} // keys whose values are
#define SLICE_PIECES (SLICE / PIECE)
#define VALUE_PIECES (VALUE_DIM / PIECE)
#define KEY_LOADS (KEYS * SLICE_PIECES / WORK_GROUP) // pieces of a slice that one work-item loads
#define VALUE_LOADS (STAGE * VALUE_PIECES / WORK_GROUP) // pieces of a stage
//: section functions
//: once ${piece_function}(width: ${piece_elements})
//: include add_products(width: 4)

//: include load_query

//: include store_functions

//: section kernel
const int id = get_local_id(0); // bits of x and y take turns: neighbours share rows or keys, and read them of local memory together
local float4 query_tile[ROWS * QUERY_STRIDE];
local float4 kv_tile[KEYS * KV_STRIDE > STAGE * VALUE_DIM4 ? KEYS * KV_STRIDE : STAGE * VALUE_DIM4]; // keys, then values
local float4 score_tile[ROWS * SCORE_STRIDE];
local float* const scores = (local float*)score_tile;
const int x = (id & 1) | (id >> 1 & 2) | (id >> 2 & 4);
const int y = (id >> 1 & 1) | (id >> 2 & 2) | (id >> 3 & 4);

//: include load_queries

//: include begin_rows

${piece} ahead[KEY_LOADS > VALUE_LOADS ? KEY_LOADS : VALUE_LOADS]; // of the next slice or stage, on their way

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    global const ${piece}* key_at[KEY_LOADS]; // past the end the last key again, whose scores there are masked
    for (int n = 0; n < KEY_LOADS; n++)
    {
        const int i = id + n * WORK_GROUP;
        const int key = min(first_key + i / SLICE_PIECES, work.kv_end - 1);
        key_at[n] = (global const ${piece}*)(keys + key_row(sequence, kv_head, key, ${addressing})) + i % SLICE_PIECES;
    }
    for (int n = 0; n < KEY_LOADS; n++)
    {
        ahead[n] = key_at[n][0];
    }

    //: include begin_scores
    for (int slice = 0; slice < HEAD_DIM / SLICE; slice++)
    {
        //: include slices#put_ahead(loads: KEY_LOADS, place: i / SLICE_PIECES * KV_STRIDE + i % SLICE_PIECES * (PIECE / 4))
        if (slice + 1 < HEAD_DIM / SLICE)
        {
            for (int n = 0; n < KEY_LOADS; n++)
            {
                ahead[n] = key_at[n][(slice + 1) * SLICE_PIECES];
            }
        }
        for (int d = 0; d < SLICE / 4; d++)
        {
            float4 k[KEYS_EACH];
            for (int j = 0; j < KEYS_EACH; j++)
            {
                k[j] = kv_tile[(x + j * THREADS_X) * KV_STRIDE + d];
            }
            for (int i = 0; i < ROWS_EACH; i++)
            {
                const float4 q = query_tile[(y + i * THREADS_Y) * QUERY_STRIDE + slice * (SLICE / 4) + d];
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    score[i][j] = add_products(score[i][j], q, k[j]);
                }
            }
        }
    }
    //: include scale_scores

    //: include transform_scores

    //: include mask_scores

    // Of its own keys each work-item finds the maximum.
    for (int i = 0; i < ROWS_EACH; i++)
    {
        float top = score[i][0];
        for (int j = 1; j < KEYS_EACH; j++)
        {
            top = fmax(top, score[i][j]);
        }
        scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x] = top;
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    for (int n = 0; n < VALUE_LOADS; n++)
    {
        const int i = id + n * WORK_GROUP;
        const int key = min(first_key + i / VALUE_PIECES, work.kv_end - 1);
        ahead[n] = ((global const ${piece}*)(values + value_row(sequence, kv_head, key, ${addressing})))[i % VALUE_PIECES];
    }

    //: include softmax(shared_float4s: THREADS_X / 4)

    for (int stage = 0; stage < KEYS / STAGE; stage++)
    {
        //: include slices#put_ahead(loads: VALUE_LOADS, place: i / VALUE_PIECES * VALUE_DIM4 + i % VALUE_PIECES * (PIECE / 4))
        if (stage + 1 < KEYS / STAGE)
        {
            for (int n = 0; n < VALUE_LOADS; n++)
            {
                const int i = id + n * WORK_GROUP;
                const int key = min(first_key + (stage + 1) * STAGE + i / VALUE_PIECES, work.kv_end - 1);
                ahead[n] = ((global const ${piece}*)(values + value_row(sequence, kv_head, key, ${addressing})))[i % VALUE_PIECES];
            }
        }
        for (int j = 0; j < STAGE / 4; j++)
        {
            float4 p[ROWS_EACH]; // weights of four keys
            for (int i = 0; i < ROWS_EACH; i++)
            {
                p[i] = score_tile[(y + i * THREADS_Y) * SCORE_STRIDE + stage * (STAGE / 4) + j];
            }
            for (int c = 0; c < COLUMNS_EACH; c++)
            {
                float4 v[4];
                for (int n = 0; n < 4; n++)
                {
                    v[n] = kv_tile[(j * 4 + n) * VALUE_DIM4 + x + c * THREADS_X];
                }
                for (int i = 0; i < ROWS_EACH; i++)
                {
                    output[i][c] += p[i].s0 * v[0];
                    output[i][c] += p[i].s1 * v[1];
                    output[i][c] += p[i].s2 * v[2];
                    output[i][c] += p[i].s3 * v[3];
                }
            }
        }
    }
}

//: include store_rows
//: section put_ahead
//: # Puts the pieces on their way into kv_tile, between barriers. Holes: loads, how many pieces a work-item has; place, where piece i goes.
barrier(CLK_LOCAL_MEM_FENCE); // what is in the tile has been multiplied
for (int n = 0; n < ${loads}; n++)
{
    const int i = id + n * WORK_GROUP;
    //: if small_pieces
    kv_tile[${place}] = ${piece_to_float(ahead[n])};
    //: else
    const float8 put = ${piece_to_float(ahead[n])};
    local float4* const to = kv_tile + ${place};
    to[0] = put.lo;
    to[1] = put.hi;
    //: end
}
barrier(CLK_LOCAL_MEM_FENCE);
