//: # Flash attention by wgmma over a latent cache, whose rows are keys and values at once: two groups of four warps have the same 64 query
//: # rows, each the scores of one half of a tile's keys and one half of the outputs' columns. Maxima and probabilities go through local
//: # memory. One group more copies rows some tiles ahead; both sides wait for each other at barriers of each stage. Work-item l of a warp
//: # holds, of each 16 x 8 block of scores or outputs, the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8.
//: section tile
//: include group_constants
#define KEY_BLOCKS (KEYS / 2 / 8) // blocks of 16 x 8 scores of a group
#define VALUE_BLOCKS (VALUE_DIM / 2 / 8) // blocks of 16 x 8 outputs of a group

// Bytes of local memory. All matrices lie there in panels of 64 columns, which are rows of 128 bytes.
#define QUERY_SIZE (ROWS * HEAD_DIM * 2)
#define STAGE_SIZE (KEYS * HEAD_DIM * 2)
#define LOCAL_SIZE (QUERY_SIZE + STAGES * STAGE_SIZE + ROWS * 128)
//: section functions
//: once Sm80/ptx/copy_16
//: once Sm80/ptx/softmax_functions
//: once Sm80/ptx/row_reductions
//: once ptx/barriers
//: once ptx/arrive_when_copied
//: once ptx/registers
//: once piece_at
//: once ptx/row_barrier(row_work_items: ROW_ITEMS)
//: once ptx/products
//: once ptx/register_lists
//: once ptx/multiply_local(name: multiply_keys, columns: ${score_columns}, transposed: 0)
//: once ptx/multiply_local(name: multiply_values, columns: ${output_columns}, transposed: 1)
//: once ptx/wait_products(name: wait_scores, columns: ${score_columns}, pending: 0)
//: once ptx/wait_products(name: wait_outputs, columns: ${output_columns}, pending: 0)
//: section kernel
local uint4 memory[LOCAL_SIZE / 16] __attribute__((aligned(1024)));
local ulong barriers[2 * STAGES];
const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
const uint tiles_at = queries_at + QUERY_SIZE;
const uint keys_there = (uint)(size_t)barriers; // the keys of stage s have arrived: barrier s of these
const uint keys_free = keys_there + STAGES * 8; // no warp reads them any more
const uint weights_at = tiles_at + STAGES * STAGE_SIZE; // probabilities [ROWS][KEYS], one panel
local float shared_rows[2 * ROWS]; // what the groups tell each other of their rows
const int thread = get_local_id(0);
const int lane = thread % 32;
//: include copy_tiles

take_registers(ROW_REGISTERS);
const int group = thread / 128;
//: include load_queries
const int warp_row = thread / 32 % 4 * 16;
const ulong query_matrix = matrix_at(queries_at, ROWS * 128);
const ulong weight_matrix = matrix_at(weights_at, ROWS * 128);

//: include Sm80/begin_rows

int tile = 0; // tiles that are done

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    const uint stage_at = tiles_at + tile % STAGES * STAGE_SIZE;
    float4 score[1][KEY_BLOCKS];
    wait_phase(keys_there + tile % STAGES * 8, tile / STAGES % 2);
    fence_asynchronous();
    begin_products();
    const ulong key_matrix = matrix_at(stage_at + group * (KEYS / 2) * 128, KEYS * 128);
    //: include multiply_keys
    close_products();
    wait_scores(score[0]);

    //: include Sm80/transform_scores(first_key_of_block: first_key + group * (KEYS / 2) + j * 8 + lane % 4 * 2)

    //: include Sm80/mask_scores(first_key_of_block: first_key + group * (KEYS / 2) + j * 8 + lane % 4 * 2)

    //: include Sm80/softmax(share_maximum: Sm90/latent#share_maximum, before_rescale: )

    #pragma unroll
    for (int j = 0; j < KEY_BLOCKS; j++)
    {
        const int piece = group * KEY_BLOCKS + j;
        local uint* const weights = (local uint*)((local char*)memory + (weights_at - queries_at)) + lane % 4;
        weights[piece_at(warp_row + lane / 4, piece, ROWS) / 4] = pack(score[0][j].s0, score[0][j].s1);
        weights[piece_at(warp_row + lane / 4 + 8, piece, ROWS) / 4] = pack(score[0][j].s2, score[0][j].s3);
    }
    fence_asynchronous();
    row_barrier();
    begin_products();
    const ulong value_matrix = matrix_at(stage_at + group * (VALUE_DIM / 2 / 64) * (KEYS * 128), KEYS * 128);
    #pragma unroll
    for (int j = 0; j < KEYS / 16; j++)
    {
        multiply_values(output[0], weight_matrix + j * 2, value_matrix + j * (16 * 128 / 16), 1);
    }
    close_products();
    wait_outputs(output[0]);
    if (lane == 0)
    {
        arrive(keys_free + tile % STAGES * 8);
    }
    tile++;
}

//: include Sm80/total_rows

// Each group has the sums over its half of the keys.
row_barrier();
if (lane % 4 == 0)
{
    shared_rows[group * ROWS + warp_row + lane / 4] = row_sum[0][0];
    shared_rows[group * ROWS + warp_row + lane / 4 + 8] = row_sum[0][1];
}
row_barrier();
row_sum[0][0] = shared_rows[warp_row + lane / 4] + shared_rows[ROWS + warp_row + lane / 4];
row_sum[0][1] = shared_rows[warp_row + lane / 4 + 8] + shared_rows[ROWS + warp_row + lane / 4 + 8];

//: include Sm80/store_rows(
//:     first_column: group * (VALUE_DIM / 2) + , warp_columns: (VALUE_BLOCKS * 8), is_one: group == 0 && lane % 4 == 0,
//:     after_stores: row_barrier(); // one group stores the LSEs of both)
//: section share_maximum
//: # The maxima of a row block, top0 and top1, become those of both groups' keys.
// The other half of the keys counts as well.
if (lane % 4 == 0)
{
    shared_rows[group * ROWS + warp_row + lane / 4] = top0;
    shared_rows[group * ROWS + warp_row + lane / 4 + 8] = top1;
}
row_barrier();
top0 = fmax(top0, shared_rows[(1 - group) * ROWS + warp_row + lane / 4]);
top1 = fmax(top1, shared_rows[(1 - group) * ROWS + warp_row + lane / 4 + 8]);
