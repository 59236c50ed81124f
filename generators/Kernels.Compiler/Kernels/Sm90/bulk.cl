//: # Flash attention for few query rows over keys and values that one warp copies in bulk for the others: a strip of consecutive tokens by
//: # one instruction, as it is in the cache. Copies are fastest to multiples of 128 bytes, where rows begin in the same bank of local
//: # memory and ldmatrix would read eight pieces of it. So fragments are made of whole pieces of 16 bytes: they may have the elements of a
//: # key, or the columns of a value, in any order that the other factor shares. Keys, and columns of values, are the 16 rows of products
//: # and query rows the 8 columns: mostly there are no more than 8, and half the products do. Of each block of 8 query rows, work-item l
//: # of a warp holds the rows 2(l % 4) and 2(l % 4) + 1.
//: #
//: # quantised: elements become 16-bit elements in registers. A register of the cache has four of them, or eight where a byte has
//: # two (two_in_a_byte).
//: # two_pieces: rows of keys have so many pieces that a warp reads two of each at a time.
//: # shares_multiprocessor: two work-groups share one if the build bounds registers by it.
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
//: if shares_multiprocessor
// Built with ${groups_directive}2: registers of two work-groups fit a multiprocessor.
//: end
//: section functions
//: once Sm80/ptx/copy_16
//: if scales_tokens
//: once Sm80/ptx/copy_4
//: once ptx/arrive_when_copied
//: end
//: once ptx/barriers
//: once ptx/copy_bulk
//: once Sm80/ptx/warp_barrier
//: once ptx/row_barrier(row_work_items: WORK_GROUP)
//: once Sm80/ptx/mma_rows
//: once Sm80/ptx/softmax_functions
//: once Sm80/ptx/column_reductions
//: once Sm80/ptx/device_fence
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

//: if scales_tokens
// The power of two next below a weight, whose inverse is exact and costs no division; 0 of what has no weight yet.
static float unit_below(float weight)
{
    return weight > 0.0f ? as_float(clamp(as_uint(weight) & 0x7F800000, 0x00800000u, 0x7E800000u)) : 0.0f;
}

static float inverse_of(float unit)
{
    return unit > 0.0f ? as_float(0x7F000000 - as_uint(unit)) : 1.0f;
}

static float2 units_below(float2 weights)
{
    return (float2)(unit_below(weights.s0), unit_below(weights.s1));
}

static float2 inverses_of(float2 units)
{
    return (float2)(inverse_of(units.s0), inverse_of(units.s1));
}

//: end
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
//: once ${expand_function}
//: end
//: if !quantised or two_in_a_byte
//: once Sm80/ptx/halves
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

//: elif two_in_a_byte
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
    for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
    {
        //: include tile_class
        const uint there = tile_there + stage * 8;
        const uint stage_at = tiles_at + stage * STAGE_SIZE * 16;
        wait_phase(tile_free + stage * 8, parity);
        if (lane == 0)
        {
            arrive_and_expect(there, min(KEYS, work.kv_end - first_key) * (KEY_PIECES + VALUE_PIECES) * 16);
        }
        //: if scales_tokens
        for (int i = lane; i < 2 * KEYS; i += 32)
        {
            const int key = first_key + i % KEYS;
            global const float* const from = i < KEYS ? key_scales : value_scales;
            const long at = scale_index(sequence, kv_head, min(key, work.kv_end - 1), ${addressing});
            copy_4(stage_at + KEYS * (KEY_PIECES + VALUE_PIECES) * 16 + i * 4, from + at, key < work.kv_end);
        }
        arrive_when_copied(there);
        //: end

        // Each of the first work-items copies a strip, as many tokens at a time as the cache has one after the other.
        const int begin = lane % STRIPS * STRIP_KEYS;
        const int end = lane < 2 * STRIPS ? min(begin + STRIP_KEYS, work.kv_end - first_key) : 0;
        int run;
        for (int r = begin; r < end; r += run)
        {
            const int key = first_key + r;
            run = ${adjacent_tokens(key, end - r)};
            if (lane < STRIPS)
            {
                const long at = key_row(sequence, kv_head, key, ${addressing});
                copy_bulk(stage_at + r * KEY_PIECES * 16, keys + at, run * KEY_PIECES * 16, there);
            }
            else
            {
                const long at = value_row(sequence, kv_head, key, ${addressing});
                copy_bulk(stage_at + (KEYS * KEY_PIECES + r * VALUE_PIECES) * 16, values + at, run * VALUE_PIECES * 16, there);
            }
        }
        stage = (stage + 1) % STAGES;
        parity ^= stage == 0;
    }
    return;
}

const int warp_key = thread / 32 * WARP_KEYS;
//: include Sm80/copy_queries(place: (r * QUERY_STRIDE + piece) * 16, row_work_items: WORK_GROUP)
asm volatile("cp.async.wait_all;");
row_barrier();
//: include Sm80/turn_queries(
//:     first: (local ${storage}*)(memory + r * QUERY_STRIDE) + ${rope_first(pair)},
//:     second: (local ${storage}*)(memory + r * QUERY_STRIDE) + ${rope_second(pair)},
//:     row_work_items: WORK_GROUP, row_barrier: row_barrier();)

//: # The queries' fragments: elements of a query in the order in which a work-item has those of a key.
//: if !quantised
// Of 32 elements, 8 from 8 * (lane % 4) on.
uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d += 2)
    {
        const uint4 q = memory[(b * 8 + lane / 4) * QUERY_STRIDE + d * 2 + lane % 4];
        query[d][b] = q.lo;
        query[d + 1][b] = q.hi;
    }
}
//: elif two_in_a_byte
// Of 128 elements, 8 from 32 * (lane % 4) + 8 * i on, e and e + 4 in a register.
uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    local const uint4* const from = memory + (b * 8 + lane / 4) * QUERY_STRIDE;
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d += 2)
    {
        const uint4 q = from[d / 8 * 16 + lane % 4 * 4 + d / 2 % 4];
        query[d][b] = (uint2)(low_halves(q.s0, q.s2), high_halves(q.s0, q.s2));
        query[d + 1][b] = (uint2)(low_halves(q.s1, q.s3), high_halves(q.s1, q.s3));
    }
}
//: else
// Of 64 elements, 4 from 16 * (lane % 4) + 4 * i on.
uint2 query[HEAD_DIM / 16][ROW_BLOCKS];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    local const uint4* const from = memory + (b * 8 + lane / 4) * QUERY_STRIDE;
    #pragma unroll
    for (int d = 0; d < HEAD_DIM / 16; d++)
    {
        query[d][b] = ((local const uint2*)from)[d / 4 * 16 + lane % 4 * 4 + d % 4];
    }
}
//: end

//: # The state of a work-item's rows at their start.
//: include Sm80/begin_scales
// Of each block, the rows lane % 4 * 2 and the next.
float2 row_max[ROW_BLOCKS]; // may lag behind by MAXIMUM_LAG
float2 row_sum[ROW_BLOCKS]; // over this work-item's keys only
//: if scales_tokens
float2 row_unit[ROW_BLOCKS]; // a weight of an integer near the largest so far, a power of two; outputs are multiples of it
//: end
float4 output[VALUE_BLOCKS][ROW_BLOCKS]; // two rows of one column and of the next
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row_max[b] = (float2)(-INFINITY);
    row_sum[b] = (float2)(0.0f);
    //: if scales_tokens
    row_unit[b] = (float2)(0.0f);
    //: end
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        output[c][b] = (float4)(0.0f);
    }
}
//: if needs_rows
Row row[ROW_BLOCKS][2];
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    row[b][0] = ${make_row(min(b * 8 + lane % 4 * 2, work.row_count - 1))};
    row[b][1] = ${make_row(min(b * 8 + lane % 4 * 2 + 1, work.row_count - 1))};
}
//: end

int stage = 0;
uint parity = 0;

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    wait_phase(tile_there + stage * 8, parity);
    local uint4* const tile = memory + ROWS * QUERY_STRIDE + stage * STAGE_SIZE;
    local uint4* const warp_values = tile + KEYS * KEY_PIECES + warp_key * VALUE_PIECES;
    if (first_key + KEYS > work.kv_end)
    {
        // Rows past the end are as they were: those of values become 0, as their probabilities are.
        for (int i = lane + max(0, work.kv_end - first_key - warp_key) * VALUE_PIECES; i < WARP_KEYS * VALUE_PIECES; i += 32)
        {
            warp_values[i] = (uint4)(0);
        }
        warp_barrier();
    }
    //: if scales_tokens
    local const float* const scales = (local const float*)(tile + KEYS * (KEY_PIECES + VALUE_PIECES)) + warp_key + lane / 4;
    //: end

    //: # Products of queries and keys.
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
            //: include bulk#multiply_pieces(k0: k0, k8: k8, d: d)
            const uint4 next0 = lane & 4 ? x0 : y0;
            const uint4 next8 = lane & 4 ? x8 : y8;
            //: include bulk#multiply_pieces(k0: next0, k8: next8, d: d + 4)
            //: else
            const uint4 k0 = key[lane % 4];
            const uint4 k8 = key[8 * KEY_PIECES + lane % 4];
            //: include bulk#multiply_pieces(k0: k0, k8: k8, d: d)
            //: end
        }
    }

    //: # Scores times the scales of their keys, which 'scales' has of the tile's keys and then of its values.
    //: if scales_tokens
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            score[j][b].lo *= scales[j * 16];
            score[j][b].hi *= scales[j * 16 + 8];
        }
    }

    //: end

    //: # Transforms scores by the spec's steps.
    //: if transforms
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        if (is_empty(b, work.row_count))
        {
            continue;
        }
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            const int key = first_key + warp_key + j * 16 + lane / 4;
            score[j][b].s0 = transform_score(score[j][b].s0 * ${score_scale}, row[b][0], min(key, work.kv_end - 1)${transform_arguments});
            score[j][b].s1 = transform_score(score[j][b].s1 * ${score_scale}, row[b][1], min(key, work.kv_end - 1)${transform_arguments});
            score[j][b].s2 = transform_score(score[j][b].s2 * ${score_scale}, row[b][0], min(key + 8, work.kv_end - 1)${transform_arguments});
            score[j][b].s3 = transform_score(score[j][b].s3 * ${score_scale}, row[b][1], min(key + 8, work.kv_end - 1)${transform_arguments});
        }
    }
    //: end

    //: # Masks scores: those of keys that a row must not see become -inf. Only tiles on a boundary have such keys.
    //: if hides
    //: include where_masked
    {
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            if (is_empty(b, work.row_count))
            {
                continue;
            }
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                const int key = first_key + warp_key + j * 16 + lane / 4;
                //: if hides_keys
                score[j][b].s0 = key < work.kv_end && is_visible(row[b][0], min(key, work.kv_end - 1)${visible_arguments})
                    ? score[j][b].s0 : -INFINITY;
                score[j][b].s1 = key < work.kv_end && is_visible(row[b][1], min(key, work.kv_end - 1)${visible_arguments})
                    ? score[j][b].s1 : -INFINITY;
                score[j][b].s2 = key + 8 < work.kv_end && is_visible(row[b][0], min(key + 8, work.kv_end - 1)${visible_arguments})
                    ? score[j][b].s2 : -INFINITY;
                score[j][b].s3 = key + 8 < work.kv_end && is_visible(row[b][1], min(key + 8, work.kv_end - 1)${visible_arguments})
                    ? score[j][b].s3 : -INFINITY;
                //: else
                score[j][b].s0 = key < work.kv_end ? score[j][b].s0 : -INFINITY;
                score[j][b].s1 = key < work.kv_end ? score[j][b].s1 : -INFINITY;
                score[j][b].s2 = key + 8 < work.kv_end ? score[j][b].s2 : -INFINITY;
                score[j][b].s3 = key + 8 < work.kv_end ? score[j][b].s3 : -INFINITY;
                //: end
            }
        }
    }
    //: end

    //: # Online softmax: maxima and sums, scores become probabilities, outputs are rescaled where a maximum has grown by more than
    //: # MAXIMUM_LAG. The scale is part of the exponent's multiply-add, unless the spec's steps have applied it.

    uint2 p[KEY_BLOCKS][ROW_BLOCKS]; // probabilities of the keys lane % 4 * 2, the next, and those 8 on; of row lane / 4
    #pragma unroll
    for (int b = 0; b < ROW_BLOCKS; b++)
    {
        if (is_empty(b, work.row_count))
        {
            continue;
        }
        float2 top = (float2)(-INFINITY);
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            top = fmax(top, fmax(score[j][b].lo, score[j][b].hi));
        }
        top = fmax(row_max[b], top${times_scale});
        if (any_of_warp(top.s0 > row_max[b].s0 + MAXIMUM_LAG || top.s1 > row_max[b].s1 + MAXIMUM_LAG))
        {
            top = rows_maximum(top);
            const float2 growth = base_of(top) - row_max[b];
            const float2 rescale = (float2)(exp2_fast(${power(-growth.s0)}), exp2_fast(${power(-growth.s1)}));
            row_max[b] = top;
            row_sum[b] *= rescale;
            //: if scales_tokens
            const float2 weight = row_unit[b] * rescale;
            row_unit[b] = units_below(weight);
            const float2 output_rescale = weight * inverses_of(row_unit[b]);
            //: end
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                //: if scales_tokens
                output[c][b] *= output_rescale.s0101;
                //: else
                output[c][b] *= rescale.s0101;
                //: end
            }
        }
        const float2 base = base_of(row_max[b]);
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            score[j][b].s0 = exp2_fast(${power(score[j][b].s0${times_scale}, base.s0)});
            score[j][b].s1 = exp2_fast(${power(score[j][b].s1${times_scale}, base.s1)});
            score[j][b].s2 = exp2_fast(${power(score[j][b].s2${times_scale}, base.s0)});
            score[j][b].s3 = exp2_fast(${power(score[j][b].s3${times_scale}, base.s1)});
            row_sum[b] += score[j][b].lo + score[j][b].hi;
        }

        //: # Probabilities times the scales of their values, as multiples of a weight near the row's largest so far: up to 2^7 times that,
        //: # 16 bits suffice, whatever the scales of values that the row does not see or has little of.
        //: if scales_tokens
        const float2 inverse_unit = inverses_of(row_unit[b]);
        float2 largest = (float2)(0.0f);
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            score[j][b].lo *= scales[KEYS + j * 16] * inverse_unit;
            score[j][b].hi *= scales[KEYS + j * 16 + 8] * inverse_unit;
            largest = fmax(largest, fmax(score[j][b].lo, score[j][b].hi));
        }
        if (any_of_warp(largest.s0 > 128.0f || largest.s1 > 128.0f || row_unit[b].s0 == 0.0f || row_unit[b].s1 == 0.0f))
        {
            const float2 before = row_unit[b];
            const float2 unit = (float2)(before.s0 > 0.0f ? before.s0 : 1.0f, before.s1 > 0.0f ? before.s1 : 1.0f);
            row_unit[b] = units_below(fmax(before, rows_maximum(largest) * unit));
            const float2 inverse = inverses_of(row_unit[b]);
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                output[c][b] *= (before * inverse).s0101;
            }
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                score[j][b].lo *= unit * inverse;
                score[j][b].hi *= unit * inverse;
            }
        }
        //: end
        #pragma unroll
        for (int j = 0; j < KEY_BLOCKS; j++)
        {
            p[j][b].s0 = transpose(pack(score[j][b].s0, score[j][b].s1));
            p[j][b].s1 = transpose(pack(score[j][b].s2, score[j][b].s3));
        }
    }

    //: # Probabilities times values, added to the outputs. reads_pairs: a work-item has so many columns of a value that it reads two items
    //: # of them at a time.
    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        // This work-item has some adjacent columns of the keys lane % 4 * 2, the next, and those 8 on.
        //: if !quantised
        local const uint4* const value = warp_values + (j * 16 + lane % 4 * 2) * VALUE_PIECES + lane / 4 * (VALUE_PIECES / 8);
        //: else
        local const uint2* const value =
            (local const uint2*)(warp_values + (j * 16 + lane % 4 * 2) * VALUE_PIECES) + lane / 4 * (VALUE_PIECES / 4);
        //: end
        #pragma unroll
        //: if !quantised and reads_pairs
        for (int c = 0; c < VALUE_PIECES / 8; c += 2)
        {
            //: include bulk#read_pairs(items: pieces, type: uint4, stride: VALUE_PIECES)
            multiply_columns(&output[c * 4], p[j], v0[0], v0[1], v0[2], v0[3], work.row_count);
            multiply_columns(&output[c * 4 + 4], p[j], v1[0], v1[1], v1[2], v1[3], work.row_count);
        }
        //: elif !quantised
        for (int c = 0; c < VALUE_PIECES / 8; c++)
        {
            multiply_columns(
                &output[c * 4], p[j], value[c], value[VALUE_PIECES + c], value[8 * VALUE_PIECES + c], value[9 * VALUE_PIECES + c],
                work.row_count);
        }
        //: elif reads_pairs
        for (int c = 0; c < VALUE_PIECES / 4; c += 2)
        {
            //: include bulk#read_pairs(items: halves of a piece, type: uint2, stride: (VALUE_PIECES * 2))
            //: if two_in_a_byte
            multiply_columns(&output[c * 8], p[j], v0[0].s0, v0[1].s0, v0[2].s0, v0[3].s0, work.row_count);
            multiply_columns(&output[c * 8 + 4], p[j], v0[0].s1, v0[1].s1, v0[2].s1, v0[3].s1, work.row_count);
            multiply_columns(&output[c * 8 + 8], p[j], v1[0].s0, v1[1].s0, v1[2].s0, v1[3].s0, work.row_count);
            multiply_columns(&output[c * 8 + 12], p[j], v1[0].s1, v1[1].s1, v1[2].s1, v1[3].s1, work.row_count);
            //: else
            multiply_columns(&output[c * 4], p[j], v0[0].s0, v0[1].s0, v0[2].s0, v0[3].s0, work.row_count);
            multiply_columns(&output[c * 4 + 2], p[j], v0[0].s1, v0[1].s1, v0[2].s1, v0[3].s1, work.row_count);
            multiply_columns(&output[c * 4 + 4], p[j], v1[0].s0, v1[1].s0, v1[2].s0, v1[3].s0, work.row_count);
            multiply_columns(&output[c * 4 + 6], p[j], v1[0].s1, v1[1].s1, v1[2].s1, v1[3].s1, work.row_count);
            //: end
        }
        //: else
        for (int c = 0; c < VALUE_PIECES / 4; c++)
        {
            const uint2 v0 = value[c];
            const uint2 v1 = value[VALUE_PIECES * 2 + c];
            const uint2 v8 = value[8 * VALUE_PIECES * 2 + c];
            const uint2 v9 = value[9 * VALUE_PIECES * 2 + c];
            //: if two_in_a_byte
            multiply_columns(&output[c * 8], p[j], v0.s0, v1.s0, v8.s0, v9.s0, work.row_count);
            multiply_columns(&output[c * 8 + 4], p[j], v0.s1, v1.s1, v8.s1, v9.s1, work.row_count);
            //: else
            multiply_columns(&output[c * 4], p[j], v0.s0, v1.s0, v8.s0, v9.s0, work.row_count);
            multiply_columns(&output[c * 4 + 2], p[j], v0.s1, v1.s1, v8.s1, v9.s1, work.row_count);
            //: end
        }
        //: end
    }
    warp_barrier();
    if (lane == 0)
    {
        arrive(tile_free + stage * 8);
    }
    stage = (stage + 1) % STAGES;
    parity ^= stage == 0;
}

//: # Sums of whole rows, and outputs in units of 1.
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

//: include Sm80/merge_warps(store_states: Sm90/bulk#store_states, row_barrier: row_barrier();)
//: section multiply_pieces
//: # A piece of each of two keys, k0 and k8, times the queries; the four work-items of these keys have the pieces from d on. Added to the
//: # scores of block j. Holes: k0, k8, d.
//: if !quantised
multiply_rows(score[j], (uint4)(${k0}.s0, ${k8}.s0, ${k0}.s1, ${k8}.s1), query[(${d}) / 2], work.row_count);
multiply_rows(score[j], (uint4)(${k0}.s2, ${k8}.s2, ${k0}.s3, ${k8}.s3), query[(${d}) / 2 + 1], work.row_count);
//: else
//: for i in 0..4
//: if two_in_a_byte
multiply_registers(score[j], ${k0}.s${i}, ${k8}.s${i}, &query[2 * (${d} + ${i})], work.row_count);
//: else
multiply_registers(score[j], ${k0}.s${i}, ${k8}.s${i}, &query[${d} + ${i}], work.row_count);
//: end
//: end
//: end
//: section read_pairs
//: # This work-item's columns of four keys, two items adjacent in local memory at a time, to v0 and v1. Holes: type of an item; stride,
//: # items from a row to the next; items, what two of them are.
// Odd work-items have the two ${items} in the other order, so that fewer read the same banks at a time.
${type} v0[4];
${type} v1[4];
#pragma unroll
for (int k = 0; k < 4; k++)
{
    local const ${type}* const row = value + (k % 2 + k / 2 * 8) * ${stride} + c;
    const ${type} x = row[lane & 1];
    const ${type} y = row[1 - (lane & 1)];
    v0[k] = lane & 1 ? y : x;
    v1[k] = lane & 1 ? x : y;
}
//: section store_states
//: # This work-item's part of the states of its warp goes to 'states'.
#pragma unroll
for (int b = 0; b < ROW_BLOCKS; b++)
{
    local float* const state = states + (thread / 32 * ROWS + b * 8 + lane % 4 * 2) * (VALUE_DIM + 2);
    local float* const next = state + VALUE_DIM + 2;
    #pragma unroll
    for (int c = 0; c < VALUE_BLOCKS; c++)
    {
        vstore2(output[c][b].s02, lane / 4 * VALUE_BLOCKS + c, state);
        vstore2(output[c][b].s13, lane / 4 * VALUE_BLOCKS + c, next);
    }
    if (lane / 4 == 0)
    {
        state[VALUE_DIM] = row_max[b].s0;
        state[VALUE_DIM + 1] = row_sum[b].s0;
        next[VALUE_DIM] = row_max[b].s1;
        next[VALUE_DIM + 1] = row_sum[b].s1;
    }
}
