//: # Few query rows over a quantised cache, by mma.m16n8k16: each warp copies its own keys and values, as they are in the cache, and makes
//: # fragments of them in registers. A fragment may have the elements of a key, or the columns of a value, in any order that the other
//: # factor shares; the order here is the one in which they come out of their bytes. Work-item l of a warp holds, of each 16 x 8 block of
//: # scores, the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8; of the outputs, these times ${registers}, and the
//: # columns between them in other blocks.
//: #
//: # registers: 16-bit registers that one of the cache's becomes: four where a byte has two elements (two_in_a_byte), else two.
//: section tile
#define ROW_BLOCKS 1 // blocks of 16 rows
#define WARPS_ALONG_ROWS 1
#define WARPS_ALONG_KEYS ${warps_along_keys} // each has a part of the tile's keys
#define WORK_GROUP (32 * WARPS_ALONG_KEYS)
#define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
#define STAGES ${stages} // tiles in local memory: one in use, the others on their way
#define KEY_BLOCKS (WARP_KEYS / 8) // blocks of 16 x 8 scores
#define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs

// Of a row, in pieces of 16 bytes.
#define QUERY_STRIDE ${query_stride}
#define KEY_PIECES ${key_pieces}
#define VALUE_PIECES ${value_pieces}
//: if scales_tokens
#define WARP_STAGE_SIZE (WARP_KEYS * (KEY_PIECES + VALUE_PIECES) + 2 * WARP_KEYS / 4) // keys, values, and the scales of both
//: else
#define WARP_STAGE_SIZE (WARP_KEYS * (KEY_PIECES + VALUE_PIECES)) // keys and values
//: end
#define LOCAL_SIZE ${local_size} // queries and stages, or the states that are merged after them
//: section functions
//: once ptx/copy_16
//: if scales_tokens
//: once ptx/copy_4
//: end
//: once ptx/copy_groups
//: once ptx/ldmatrix_x2
//: once ptx/mma
//: once ptx/softmax_functions
//: once ptx/row_reductions
//: once ptx/device_fence
//: once ptx/warp_barrier
//: once ${expand_function}
//: if two_in_a_byte
//: once ptx/halves
//: else
// Of two columns of one key and of the next, the two keys of one column and of the next.
static uint exchange_middle(uint bytes)
{
    uint x;
    asm("prmt.b32 %0, %1, %1, 0x3120;" : "=r"(x) : "r"(bytes));
    return x;
}

//: end
// Where a piece of a row of so many lies: swizzled, so that what a warp reads at a time is in different banks.
static int piece_at(int row, int piece, int pieces)
{
    const int exchange = pieces % 8 == 0 ? row % 2 * 4 + row / 2 % 4 : pieces % 4 == 0 ? row / 2 % 4 : 0;
    return row * pieces + (piece ^ exchange);
}

//: section kernel
local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
const int thread = get_local_id(0);
const int lane = thread % 32;
const int warp_row = 0;
const int warp_key = thread / 32 * WARP_KEYS;
local const uint4* const stages = memory + ROWS * QUERY_STRIDE + thread / 32 * (STAGES * WARP_STAGE_SIZE); // of this warp
const uint stages_at = (uint)(size_t)stages;
//: include copy_queries(place: (r * QUERY_STRIDE + piece) * 16, row_work_items: WORK_GROUP)
asm volatile("cp.async.wait_all;");
barrier(CLK_LOCAL_MEM_FENCE);
//: include turn_queries(
//:     first: (local ${storage}*)(memory + r * QUERY_STRIDE) + ${rope_first(pair)},
//:     second: (local ${storage}*)(memory + r * QUERY_STRIDE) + ${rope_second(pair)},
//:     row_work_items: WORK_GROUP, row_barrier: barrier(CLK_LOCAL_MEM_FENCE);)
uint4 query[HEAD_DIM / 16];
#pragma unroll
//: if two_in_a_byte
for (int d = 0; d < HEAD_DIM / 16; d += 2)
{
    const int r = lane / 4;
    // Of 32 elements, 8 from 8 * (lane % 4) on, i and i + 4 in a register.
    const uint4 q0 = memory[r * QUERY_STRIDE + d * 2 + lane % 4];
    const uint4 q1 = memory[(r + 8) * QUERY_STRIDE + d * 2 + lane % 4];
    query[d] = (uint4)(low_halves(q0.s0, q0.s2), low_halves(q1.s0, q1.s2), high_halves(q0.s0, q0.s2), high_halves(q1.s0, q1.s2));
    query[d + 1] = (uint4)(low_halves(q0.s1, q0.s3), low_halves(q1.s1, q1.s3), high_halves(q0.s1, q0.s3), high_halves(q1.s1, q1.s3));
}
//: else
for (int d = 0; d < HEAD_DIM / 16; d++)
{
    const int r = lane / 4;
    // Of 16 elements, 4 from 4 * (lane % 4) on.
    const uint2 q0 = ((local const uint2*)(memory + r * QUERY_STRIDE + d * 2))[lane % 4];
    const uint2 q1 = ((local const uint2*)(memory + (r + 8) * QUERY_STRIDE + d * 2))[lane % 4];
    query[d] = (uint4)(q0.s0, q1.s0, q0.s1, q1.s1);
}
//: end

//: include begin_rows

int stage = 0;
for (int ahead = 0; ahead < STAGES - 1; ahead++)
{
    //: include quantised#copy_tile(stage: ahead, first_key: work.kv_begin + ahead * KEYS)
}

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    wait_copies();
    warp_barrier(); // this tile is there for the warp, and the one before is no longer read
    {
        //: include quantised#copy_tile(stage: (stage + STAGES - 1) % STAGES, first_key: first_key + (STAGES - 1) * KEYS)
    }
    local const uint4* const raw = stages + stage * WARP_STAGE_SIZE;
    const uint values_at = stages_at + (stage * WARP_STAGE_SIZE + WARP_KEYS * KEY_PIECES) * 16;
    //: if scales_tokens
    local const float* const scales = (local const float*)(raw + WARP_KEYS * (KEY_PIECES + VALUE_PIECES));
    //: end
    stage = (stage + 1) % STAGES;

    float4 score[1][KEY_BLOCKS];
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        score[0][j] = (float4)(0.0f);
        const int r = j * 8 + lane / 4;
        #pragma unroll
        //: if two_in_a_byte
        for (int d = 0; d < HEAD_DIM / 16; d += 2)
        {
            const uint4 k = expand(((local const uint*)(raw + piece_at(r, d / 2, KEY_PIECES)))[lane % 4]);
            score[0][j] = mma_m16n8k16(score[0][j], query[d], k.s0, k.s1);
            score[0][j] = mma_m16n8k16(score[0][j], query[d + 1], k.s2, k.s3);
        }
        //: else
        for (int d = 0; d < HEAD_DIM / 16; d++)
        {
            const uint2 k = expand(((local const uint*)(raw + piece_at(r, d, KEY_PIECES)))[lane % 4]);
            score[0][j] = mma_m16n8k16(score[0][j], query[d], k.s0, k.s1);
        }
        //: end
    }

    //: include scale_scores

    //: include transform_scores(first_key_of_block: first_key + warp_key + j * 8 + lane % 4 * 2)

    //: include mask_scores(first_key_of_block: first_key + warp_key + j * 8 + lane % 4 * 2)

    //: include softmax(share_maximum: , before_rescale: , value_scales_at: WARP_KEYS)

    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j += 2)
    {
        // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
        uint4 p;
        //: include fragment(to: p, row: 0, first: j, second: j + 1)
        #pragma unroll
        for (int c = 0; c < VALUE_PIECES; c++)
        {
            // Of a register, two bytes are of one key and two of the next.
            const uint2 v = ldmatrix_x2_transposed(values_at + piece_at(j * 8 + lane % 16, c, VALUE_PIECES) * 16);
            //: if two_in_a_byte
            const uint4 v0 = expand(v.s0);
            const uint4 v1 = expand(v.s1);
            output[0][c * 4] = mma_m16n8k16(output[0][c * 4], p, v0.s0, v1.s0);
            output[0][c * 4 + 1] = mma_m16n8k16(output[0][c * 4 + 1], p, v0.s1, v1.s1);
            output[0][c * 4 + 2] = mma_m16n8k16(output[0][c * 4 + 2], p, v0.s2, v1.s2);
            output[0][c * 4 + 3] = mma_m16n8k16(output[0][c * 4 + 3], p, v0.s3, v1.s3);
            //: else
            const uint2 v0 = expand(exchange_middle(v.s0));
            const uint2 v1 = expand(exchange_middle(v.s1));
            output[0][c * 2] = mma_m16n8k16(output[0][c * 2], p, v0.s0, v1.s0);
            output[0][c * 2 + 1] = mma_m16n8k16(output[0][c * 2 + 1], p, v0.s1, v1.s1);
            //: end
        }
    }
}

asm volatile("cp.async.wait_all;");

//: include total_rows

//: include merge_warps(
//:     store_states: store_states, row_barrier: barrier(CLK_LOCAL_MEM_FENCE);,
//:     column_0: (c / ${registers} * 8 + lane % 4 * 2) * ${registers} + c % ${registers},
//:     column_1: (c / ${registers} * 8 + lane % 4 * 2 + 1) * ${registers} + c % ${registers})
//: section copy_tile
//: # Starts the copies of a tile's keys and values of this warp, as they are in a quantised cache; past the last key nothing is copied,
//: # but the group is closed all the same. Holes: stage, first_key.
const int copy_tile = ${first_key};
const int copy_key = copy_tile + warp_key; // past the end, zeros arrive
const uint copy_to = stages_at + (${stage}) * WARP_STAGE_SIZE * 16;
if (copy_tile < work.kv_end)
{
    #pragma unroll
    for (int i = lane; i < WARP_KEYS * KEY_PIECES; i += 32)
    {
        const int r = i / KEY_PIECES;
        const int piece = i % KEY_PIECES;
        const int key = min(copy_key + r, work.kv_end - 1);
        const long at = key_row(sequence, kv_head, key, ${addressing});
        copy_16(copy_to + piece_at(r, piece, KEY_PIECES) * 16, keys + at + piece * 16, copy_key + r < work.kv_end);
    }
    #pragma unroll
    for (int i = lane; i < WARP_KEYS * VALUE_PIECES; i += 32)
    {
        const int r = i / VALUE_PIECES;
        const int piece = i % VALUE_PIECES;
        const int key = min(copy_key + r, work.kv_end - 1);
        const long at = value_row(sequence, kv_head, key, ${addressing});
        const int to = WARP_KEYS * KEY_PIECES + piece_at(r, piece, VALUE_PIECES);
        copy_16(copy_to + to * 16, values + at + piece * 16, copy_key + r < work.kv_end);
    }
    //: if scales_tokens
    #pragma unroll
    for (int i = lane; i < 2 * WARP_KEYS; i += 32)
    {
        const int key = copy_key + i % WARP_KEYS;
        global const float* const from = i < WARP_KEYS ? key_scales : value_scales;
        const long at = scale_index(sequence, kv_head, min(key, work.kv_end - 1), ${addressing});
        copy_4(copy_to + WARP_KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + at, key < work.kv_end);
    }
    //: end
}
close_copies();
