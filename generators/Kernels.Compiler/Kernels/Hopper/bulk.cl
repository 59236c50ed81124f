//: # Flash attention for few query rows over keys and values that one warp copies in bulk for the others: a strip of consecutive tokens by
//: # one instruction, as it is in the cache. Copies are fastest to multiples of 128 bytes, where rows begin in the same bank of local memory
//: # and ldmatrix would read eight pieces of it. So fragments are made of whole pieces of 16 bytes: they may have the elements of a key, or
//: # the columns of a value, in any order that the other factor shares. Keys, and columns of values, are the 16 rows of products and query
//: # rows the 8 columns: mostly there are no more than 8, and half the products do. Of each block of 8 query rows, work-item l of a warp
//: # holds the rows 2(l % 4) and 2(l % 4) + 1.
//: #
//: # quantised: elements become 16-bit elements in registers. A register of the cache has four of them, of int4 eight.
//: # two_pieces: rows of keys have so many pieces that a warp reads two of each at a time.
//: # bounds_registers: two work-groups share a multiprocessor if the build bounds registers by ${most_registers}.
//: section tile
#define ROW_BLOCKS (ROWS / 8) // blocks of 8 rows
#define WARPS_ALONG_KEYS ${warps_along_keys} // each has a part of the tile's keys
#define WORK_GROUP (32 * WARPS_ALONG_KEYS) // those that hold rows
#define WARP_KEYS (KEYS / WARPS_ALONG_KEYS)
#define STAGES ${stages} // tiles in local memory: one in use, the others on their way
#define KEY_BLOCKS (WARP_KEYS / 16) // blocks of 16 keys of a warp
#define VALUE_BLOCKS (VALUE_DIM / 16) // blocks of 16 columns of values
#define MAXIMUM_LAG ${lag_8} // probabilities reach 2^8 before outputs are rescaled
#define STRIPS ${strips} // of consecutive keys, each of which one work-item copies
#define STRIP_KEYS (KEYS / STRIPS)

// In pieces of 16 bytes.
#define QUERY_STRIDE ${query_stride}
#define KEY_PIECES ${key_pieces}
#define VALUE_PIECES ${value_pieces}
//: if scales_tokens
#define STAGE_SIZE (KEYS * (KEY_PIECES + VALUE_PIECES) + 2 * KEYS / 4) // keys, values, and the scales of both
//: else
#define STAGE_SIZE (KEYS * (KEY_PIECES + VALUE_PIECES)) // keys and values
//: end
#define LOCAL_SIZE ${local_size} // queries and stages, or the states that are merged after them
//: if bounds_registers
// Built with -cl-nv-maxrregcount=${most_registers}, so that a multiprocessor has registers for two work-groups.
//: end
//: section functions
//: if needs_rows
${lane_vocabulary}

//: end
//: once Nvidia/ptx/copy_16
//: if scales_tokens
//: once Nvidia/ptx/copy_4
//: once ptx/arrive_when_copied
//: end
//: once ptx/barriers
//: once ptx/copy_bulk
//: once Nvidia/ptx/warp_barrier
//: once ptx/row_barrier(row_work_items: WORK_GROUP)
//: once Nvidia/ptx/mma_rows
//: once Nvidia/ptx/softmax_functions
//: once Nvidia/ptx/column_reductions
//: once Nvidia/ptx/device_fence
// Whether there are no rows in block b; there are some in the first.
static int is_empty(int b, int row_count)
{
    return b > 0 && b * 8 >= row_count;
}

// A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
static float2 base_of(float2 maximum)
{
    return (float2)(maximum.s0 == -INFINITY ? 0.0f : maximum.s0, maximum.s1 == -INFINITY ? 0.0f : maximum.s1);
}

// c += a (16 keys or columns) times b (8 rows), of each block of rows.
static void multiply_rows(float4* c, uint4 a, const uint2* b, int row_count)
{
    #pragma unroll
    for (int i = 0; i < ROW_BLOCKS; i++)
    {
        c[i] = mma_m16n8k16(c[i], a, b[i], is_empty(i, row_count));
    }
}

//: if quantised
//: once Nvidia/expand
//: end
//: if !quantised or int4
//: once Nvidia/ptx/halves
//: end
//: if !quantised
// Two keys of a column and two others of it, and the same of the next column: half of each register that this work-item has of them.
static uint4 columns(uint v0, uint v1, uint v8, uint v9)
{
    return (uint4)(low_halves(v0, v1), high_halves(v0, v1), low_halves(v8, v9), high_halves(v8, v9));
}

// Outputs += probabilities times the eight columns that this work-item has of four keys.
static void multiply_columns(float4 (*o)[ROW_BLOCKS], const uint2* p, uint4 v0, uint4 v1, uint4 v8, uint4 v9, int row_count)
{
    multiply_rows(o[0], columns(v0.s0, v1.s0, v8.s0, v9.s0), p, row_count);
    multiply_rows(o[1], columns(v0.s1, v1.s1, v8.s1, v9.s1), p, row_count);
    multiply_rows(o[2], columns(v0.s2, v1.s2, v8.s2, v9.s2), p, row_count);
    multiply_rows(o[3], columns(v0.s3, v1.s3, v8.s3, v9.s3), p, row_count);
}

//: elif int4
// Scores += the eight elements that this work-item has of two keys, in a register each, times those of the rows.
static void multiply_registers(float4* score, uint k0, uint k8, const uint2 (*q)[ROW_BLOCKS], int row_count)
{
    const uint4 x = expand(k0);
    const uint4 y = expand(k8);
    multiply_rows(score, (uint4)(x.s0, y.s0, x.s1, y.s1), q[0], row_count);
    multiply_rows(score, (uint4)(x.s2, y.s2, x.s3, y.s3), q[1], row_count);
}

// Outputs += probabilities times the eight columns that this work-item has of four keys: half a register of one key
// beside half a register of the next.
static void multiply_columns(float4 (*o)[ROW_BLOCKS], const uint2* p, uint v0, uint v1, uint v8, uint v9, int row_count)
{
    const uint4 low0 = expand(low_halves(v0, v1));
    const uint4 low8 = expand(low_halves(v8, v9));
    multiply_rows(o[0], (uint4)(low0.lo, low8.lo), p, row_count);
    multiply_rows(o[1], (uint4)(low0.hi, low8.hi), p, row_count);
    const uint4 high0 = expand(high_halves(v0, v1));
    const uint4 high8 = expand(high_halves(v8, v9));
    multiply_rows(o[2], (uint4)(high0.lo, high8.lo), p, row_count);
    multiply_rows(o[3], (uint4)(high0.hi, high8.hi), p, row_count);
}

//: else
// Of two columns of one key and of another, both keys of one column and of the next; and of the next two columns.
static uint pair_low(uint a, uint b)
{
    uint x;
    asm("prmt.b32 %0, %1, %2, 0x5140;" : "=r"(x) : "r"(a), "r"(b));
    return x;
}

static uint pair_high(uint a, uint b)
{
    uint x;
    asm("prmt.b32 %0, %1, %2, 0x7362;" : "=r"(x) : "r"(a), "r"(b));
    return x;
}

// Scores += the four elements that this work-item has of two keys, in a register each, times those of the rows.
static void multiply_registers(float4* score, uint k0, uint k8, const uint2 (*q)[ROW_BLOCKS], int row_count)
{
    const uint2 x = expand(k0);
    const uint2 y = expand(k8);
    multiply_rows(score, (uint4)(x.s0, y.s0, x.s1, y.s1), q[0], row_count);
}

// Outputs += probabilities times the four columns that this work-item has of four keys.
static void multiply_columns(float4 (*o)[ROW_BLOCKS], const uint2* p, uint v0, uint v1, uint v8, uint v9, int row_count)
{
    multiply_rows(o[0], (uint4)(expand(pair_low(v0, v1)), expand(pair_low(v8, v9))), p, row_count);
    multiply_rows(o[1], (uint4)(expand(pair_high(v0, v1)), expand(pair_high(v8, v9))), p, row_count);
}

//: end
//: section kernel
local uint4 memory[LOCAL_SIZE] __attribute__((aligned(128)));
local ulong barriers[2 * STAGES];
const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
const uint tiles_at = queries_at + ROWS * QUERY_STRIDE * 16;
const uint tile_there = (uint)(size_t)barriers; // the tile of stage s has arrived: barrier s of these
const uint tile_free = tile_there + STAGES * 8; // no warp reads it any more
const int thread = get_local_id(0);
const int lane = thread % 32;
if (thread == 0)
{
    for (int s = 0; s < STAGES; s++)
    {
        //: if scales_tokens
        init_barrier(tile_there + s * 8, 1 + 32);
        //: else
        init_barrier(tile_there + s * 8, 1);
        //: end
        init_barrier(tile_free + s * 8, WARPS_ALONG_KEYS);
    }
    fence_asynchronous();
}
barrier(CLK_LOCAL_MEM_FENCE);
if (thread >= WORK_GROUP)
{
    //: # The part of the warp that copies: the same tiles in the same order.
    int stage = 0;
    uint parity = 1; // the first copies wait for nobody
    for (int first_key = item.kv_begin; first_key < item.kv_end; first_key += KEYS)
    {
        //: include tile_class
        const uint there = tile_there + stage * 8;
        const uint stage_at = tiles_at + stage * STAGE_SIZE * 16;
        wait_phase(tile_free + stage * 8, parity);
        if (lane == 0)
        {
            arrive_and_expect(there, min(KEYS, item.kv_end - first_key) * (KEY_PIECES + VALUE_PIECES) * 16);
        }
        //: if scales_tokens
        for (int i = lane; i < 2 * KEYS; i += 32)
        {
            const int key = first_key + i % KEYS;
            global const float* const from = i < KEYS ? key_scales : value_scales;
            copy_4(stage_at + KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + scale_index(sequence, kv_head, min(key, item.kv_end - 1), ${addressing}), key < item.kv_end);
        }
        arrive_when_copied(there);
        //: end

        // Each of the first work-items copies a strip, as many tokens at a time as the cache has one after the other.
        const int begin = lane % STRIPS * STRIP_KEYS;
        const int end = lane < 2 * STRIPS ? min(begin + STRIP_KEYS, item.kv_end - first_key) : 0;
        int run;
        for (int r = begin; r < end; r += run)
        {
            const int key = first_key + r;
            run = ${adjacent_tokens(key, end - r)};
            if (lane < STRIPS)
            {
                copy_bulk(stage_at + r * KEY_PIECES * 16, keys + key_row(sequence, kv_head, key, ${addressing}), run * KEY_PIECES * 16, there);
            }
            else
            {
                copy_bulk(stage_at + (KEYS * KEY_PIECES + r * VALUE_PIECES) * 16, values + value_row(sequence, kv_head, key, ${addressing}), run * VALUE_PIECES * 16, there);
            }
        }
        stage = (stage + 1) % STAGES;
        parity ^= stage == 0;
    }
    return;
}

const int warp_key = thread / 32 * WARP_KEYS;
//: include Nvidia/copy_queries(place: (r * QUERY_STRIDE + piece) * 16, row_work_items: WORK_GROUP)
asm volatile("cp.async.wait_all;");
row_barrier();
//: include Nvidia/turn_queries

//: include bulk/load_queries

//: include bulk/begin_rows
int stage = 0;
uint parity = 0;

for (int first_key = item.kv_begin; first_key < item.kv_end; first_key += KEYS)
{
    //: include tile_class
    wait_phase(tile_there + stage * 8, parity);
    local uint4* const tile = memory + ROWS * QUERY_STRIDE + stage * STAGE_SIZE;
    local uint4* const warp_values = tile + KEYS * KEY_PIECES + warp_key * VALUE_PIECES;
    if (first_key + KEYS > item.kv_end)
    {
        // Rows past the end are as they were: those of values become 0, as their probabilities are.
        for (int i = lane + max(0, item.kv_end - first_key - warp_key) * VALUE_PIECES; i < WARP_KEYS * VALUE_PIECES; i += 32)
        {
            warp_values[i] = (uint4)(0);
        }
        warp_barrier();
    }
    //: if scales_tokens
    local const float* const scales = (local const float*)(tile + KEYS * (KEY_PIECES + VALUE_PIECES)) + warp_key + lane / 4;
    //: end

    // Of a block, this work-item has the keys lane / 4 and lane / 4 + 8 of two rows.
    float4 score[KEY_BLOCKS][ROW_BLOCKS];
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            score[j][b] = (float4)(0.0f);
        }
    }
    #pragma unroll
    //: if two_pieces
    for (int d = 0; d < KEY_PIECES; d += 8)
    //: else
    for (int d = 0; d < KEY_PIECES; d += 4)
    //: end
    {
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            local const uint4* const key = tile + (warp_key + j * 16 + lane / 4) * KEY_PIECES + d;
            //: if two_pieces
            // Odd keys have their two pieces in the other order, so that a warp reads all banks at a time.
            const uint4 x0 = key[lane % 8];
            const uint4 y0 = key[(lane + 4) % 8];
            const uint4 x8 = key[8 * KEY_PIECES + lane % 8];
            const uint4 y8 = key[8 * KEY_PIECES + (lane + 4) % 8];
            const uint4 k0 = lane & 4 ? y0 : x0;
            const uint4 k8 = lane & 4 ? y8 : x8;
            //: include bulk/multiply_pieces(k0: k0, k8: k8, d: d)
            const uint4 next0 = lane & 4 ? x0 : y0;
            const uint4 next8 = lane & 4 ? x8 : y8;
            //: include bulk/multiply_pieces(k0: next0, k8: next8, d: d + 4)
            //: else
            const uint4 k0 = key[lane % 4];
            const uint4 k8 = key[8 * KEY_PIECES + lane % 4];
            //: include bulk/multiply_pieces(k0: k0, k8: k8, d: d)
            //: end
        }
    }

    //: include bulk/scale_keys
    //: include bulk/transform_scores
    //: include bulk/hide_scores
    //: include bulk/softmax
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        // This work-item has some adjacent columns of the keys lane % 4 * 2, the next, and those 8 on.
        //: include bulk/multiply_values
    }
    warp_barrier();
    if (lane == 0)
    {
        arrive(tile_free + stage * 8);
    }
    stage = (stage + 1) % STAGES;
    parity ^= stage == 0;
}

#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row_sum[b] = rows_total(row_sum[b]);
    //: if scales_tokens
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        output[c][b] *= row_unit[b].s0101;
    }
    //: end
}

//: include Nvidia/merge_warps(store_states: Hopper/bulk/store_states)
