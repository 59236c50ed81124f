//: # Flash attention by mma.m16n8k16: a warp multiplies blocks of 16 query rows with its keys. Work-item l of a warp holds, of each
//: # 16 x 8 block of scores or outputs, the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8. Keys and values are
//: # copied to local memory some tiles ahead.
//: #
//: # splits_keys: each warp has keys of its own, which it copies itself: then warps need not wait for each other, but merge at the end.
//: # quantised: keys and values arrive as they are in the cache and become 16-bit elements in local memory.
//: # holds_queries: the queries' fragments stay in registers; wide heads leave no room for them, and they are read again for each tile.
//: section tile
#define WARPS_ALONG_ROWS ${warps_along_rows}
#define ROW_BLOCKS (ROWS / WARPS_ALONG_ROWS / 16) // blocks of 16 rows of a warp
#define WARPS_ALONG_KEYS ${warps_along_keys} // each has a part of the tile's keys
#define WORK_GROUP (32 * WARPS_ALONG_ROWS * WARPS_ALONG_KEYS)
#define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
#define STAGES ${stages} // tiles in local memory: one in use, the others on their way
#define KEY_BLOCKS (WARP_KEYS / 8) // blocks of 16 x 8 scores
#define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs

// Of a row in local memory, in pieces of 16 bytes; odd, so that the rows that ldmatrix reads begin in different banks.
#define KEY_STRIDE ${key_stride}
#define VALUE_STRIDE ${value_stride}
//: if quantised
#define TILE_SIZE (KEYS * (KEY_STRIDE + VALUE_STRIDE)) // of the one tile that is expanded

// Of a row as it is in the cache, in pieces of 16 bytes.
#define KEY_PIECES ${key_pieces}
#define VALUE_PIECES ${value_pieces}
//: if scales_tokens
#define SCALE_SIZE (2 * KEYS / 4) // scales of a stage's keys and values
//: else
#define SCALE_SIZE 0 // there are no scales of single keys and values
//: end
#define STAGE_SIZE (KEYS * (KEY_PIECES + VALUE_PIECES) + SCALE_SIZE)
//: else
#define TILE_SIZE 0 // no tile but those of the stages
#define STAGE_SIZE (KEYS * (KEY_STRIDE + VALUE_STRIDE))
//: end
#define LOCAL_SIZE ${local_size} // queries and stages, or the states that are merged after them
//: section functions
//: once ptx/copy_16
//: if scales_tokens
//: once ptx/copy_4
//: end
//: once ptx/copy_groups
//: once ptx/ldmatrix
//: once ptx/mma
//: once ptx/softmax_functions
//: once ptx/row_reductions
//: if splits_keys
//: once ptx/device_fence
//: end
//: once ptx/warp_barrier
//: if quantised
//: once ${expand_function}
//: once expand_piece
//: end
//: section kernel
local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
const uint tiles_at = queries_at + (ROWS * KEY_STRIDE + TILE_SIZE) * 16;
const int thread = get_local_id(0);
const int lane = thread % 32;
const int warp_row = (thread / 32) % WARPS_ALONG_ROWS * ROW_BLOCKS * 16;
const int warp_key = (thread / 32) / WARPS_ALONG_ROWS * WARP_KEYS;
//: include copy_queries(place: (r * KEY_STRIDE + piece) * 16, row_work_items: WORK_GROUP)

//: if holds_queries or rope
asm volatile("cp.async.wait_all;");
barrier(CLK_LOCAL_MEM_FENCE);
//: end
//: include turn_queries(
//:     first: (local ${storage}*)(memory + r * KEY_STRIDE) + ${rope_first(pair)},
//:     second: (local ${storage}*)(memory + r * KEY_STRIDE) + ${rope_second(pair)},
//:     row_work_items: WORK_GROUP, row_barrier: barrier(CLK_LOCAL_MEM_FENCE);)
//: if holds_queries
uint4 query[ROW_BLOCKS][HEAD_DIM / 16];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d++)
    {
        query[b][d] = ldmatrix_x4(queries_at + ((warp_row + b * 16 + lane % 16) * KEY_STRIDE + d * 2 + lane / 16) * 16);
    }
}
//: end

//: include begin_rows

int stage = 0;
for (int ahead = 0; ahead < STAGES - 1; ahead++)
{
    //: include mma#copy_tile(stage: ahead, first_key: work.kv_begin + ahead * KEYS)
}

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    wait_copies();
    //: if splits_keys
    warp_barrier(); // the warp's part of this tile is there, and that of the one before is no longer read
    //: else
    barrier(CLK_LOCAL_MEM_FENCE); // this tile is there for all, and the one before is no longer read
    //: end
    {
        //: include mma#copy_tile(stage: (stage + STAGES - 1) % STAGES, first_key: first_key + (STAGES - 1) * KEYS)
    }
    //: if quantised
    const uint tile_at = queries_at + ROWS * KEY_STRIDE * 16;
    {
        local uint4* const expanded = memory + ROWS * KEY_STRIDE;
        local const uint4* const raw = memory + ROWS * KEY_STRIDE + TILE_SIZE + stage * STAGE_SIZE;
        #pragma unroll
        for (int i = thread; i < KEYS * KEY_PIECES; i += WORK_GROUP)
        {
            const int r = i / KEY_PIECES;
            expand_piece(expanded + r * KEY_STRIDE + i % KEY_PIECES * ${registers}, raw[i]);
        }
        #pragma unroll
        for (int i = thread; i < KEYS * VALUE_PIECES; i += WORK_GROUP)
        {
            const int r = i / VALUE_PIECES;
            expand_piece(expanded + KEYS * KEY_STRIDE + r * VALUE_STRIDE + i % VALUE_PIECES * ${registers}, raw[KEYS * KEY_PIECES + i]);
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    //: if scales_tokens
    local const uint4* const stage_of_cache = memory + ROWS * KEY_STRIDE + TILE_SIZE + stage * STAGE_SIZE;
    local const float* const scales = (local const float*)(stage_of_cache + KEYS * (KEY_PIECES + VALUE_PIECES)) + warp_key;
    //: end

    //: else
    const uint tile_at = tiles_at + stage * STAGE_SIZE * 16;
    //: end
    const uint keys_at = tile_at + warp_key * KEY_STRIDE * 16;
    const uint values_at = tile_at + (KEYS * KEY_STRIDE + warp_key * VALUE_STRIDE) * 16;
    stage = (stage + 1) % STAGES;

    float4 score[ROW_BLOCKS][KEY_BLOCKS];
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            score[b][j] = (float4)(0.0f);
        }
    }
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d++)
    {
        uint4 q[ROW_BLOCKS];
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            //: if holds_queries
            q[b] = query[b][d];
            //: else
            q[b] = ldmatrix_x4(queries_at + ((warp_row + b * 16 + lane % 16) * KEY_STRIDE + d * 2 + lane / 16) * 16);
            //: end
        }
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j += 2)
        {
            const uint4 k = ldmatrix_x4(keys_at + ((j * 8 + lane / 16 * 8 + lane % 8) * KEY_STRIDE + d * 2 + lane / 8 % 2) * 16);
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                score[b][j] = mma_m16n8k16(score[b][j], q[b], k.s0, k.s1);
                score[b][j + 1] = mma_m16n8k16(score[b][j + 1], q[b], k.s2, k.s3);
            }
        }
    }

    //: include scale_scores

    //: include transform_scores(first_key_of_block: first_key + warp_key + j * 8 + lane % 4 * 2)

    //: include mask_scores(first_key_of_block: first_key + warp_key + j * 8 + lane % 4 * 2)

    //: include softmax(share_maximum: , before_rescale: , value_scales_at: KEYS)

    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j += 2)
    {
        // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
        uint4 p[ROW_BLOCKS];
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            //: include fragment(to: p[b], row: b, first: j, second: j + 1)
        }
        #pragma unroll
        for (int c = 0; c < VALUE_BLOCKS; c += 2)
        {
            const uint4 v = ldmatrix_x4_transposed(values_at + ((j * 8 + lane % 16) * VALUE_STRIDE + c + lane / 16) * 16);
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                output[b][c] = mma_m16n8k16(output[b][c], p[b], v.s0, v.s1);
                output[b][c + 1] = mma_m16n8k16(output[b][c + 1], p[b], v.s2, v.s3);
            }
        }
    }
}

asm volatile("cp.async.wait_all;");

//: include total_rows

//: if splits_keys
//: include merge_warps(
//:     store_states: store_states, column_0: c * 8 + lane % 4 * 2, column_1: c * 8 + lane % 4 * 2 + 1,
//:     row_barrier: barrier(CLK_LOCAL_MEM_FENCE);)
//: else
//: include store_rows(first_column: , warp_columns: VALUE_DIM, is_one: lane % 4 == 0, after_stores: warp_barrier();)
//: end
//: section copy_tile
//: # Starts the copies of a tile's keys and values into a stage; past the last key nothing is copied, but the group is closed all the
//: # same. Holes: stage, first_key.
const int copy_key = ${first_key};
const uint copy_to = tiles_at + (${stage}) * STAGE_SIZE * 16;
if (copy_key < work.kv_end)
{
    //: if quantised
    //: include mma#copy_rows(from: keys, row: key_row, pieces: KEY_PIECES, piece_items: 16, place: r * KEY_PIECES)
    //: include mma#copy_rows(
    //:     from: values, row: value_row, pieces: VALUE_PIECES, piece_items: 16, place: KEYS * KEY_PIECES + r * VALUE_PIECES)
    //: else
    //: include mma#copy_rows(from: keys, row: key_row, pieces: (HEAD_DIM / 8), piece_items: 8, place: r * KEY_STRIDE)
    //: include mma#copy_rows(
    //:     from: values, row: value_row, pieces: (VALUE_DIM / 8), piece_items: 8, place: KEYS * KEY_STRIDE + r * VALUE_STRIDE)
    //: end
    //: if scales_tokens
    for (int i = thread; i < 2 * KEYS; i += WORK_GROUP)
    {
        const int r = i % KEYS;
        global const float* const from = i < KEYS ? key_scales : value_scales;
        const long at = scale_index(sequence, kv_head, min(copy_key + r, work.kv_end - 1), ${addressing});
        copy_4(copy_to + KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + at, copy_key + r < work.kv_end);
    }
    //: end
}
close_copies();
//: section copy_rows
//: # The rows of a tile's keys or values, by the work-group, or by a warp that has its own. Holes: from, the buffer; row, the function that
//: # finds a token's row there; pieces, how many of 16 bytes a row has; piece_items, the items of the buffer's type in one; place, where
//: # row 'r' goes, counted in pieces from the stage's begin.
#pragma unroll 4
//: if splits_keys
for (int i = lane; i < WARP_KEYS * ${pieces}; i += 32)
//: else
for (int i = thread; i < KEYS * ${pieces}; i += WORK_GROUP)
//: end
{
    //: if splits_keys
    const int r = warp_key + i / ${pieces};
    //: else
    const int r = i / ${pieces};
    //: end
    const int piece = i % ${pieces};
    const int key = min(copy_key + r, work.kv_end - 1);
    const long at = ${row}(sequence, kv_head, key, ${addressing});
    copy_16(copy_to + (${place} + piece) * 16, ${from} + at + piece * ${piece_items}, copy_key + r < work.kv_end);
}
