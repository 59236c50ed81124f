//: # Flash attention by wgmma: groups of four warps, each with 64 query rows, whose products read keys and values from local memory while
//: # the warps do something else; one group more copies keys and values some tiles ahead. Both sides wait for each other at barriers of
//: # each stage. The outputs of a tile are multiplied while the next tile's softmax is calculated. Work-item l of a warp holds, of each
//: # 16 x 8 block of scores or outputs, the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8.
//: section tile
//: include group_constants
#define KEY_BLOCKS (KEYS / 8) // blocks of 16 x 8 scores
#define VALUE_BLOCKS (VALUE_DIM / 8) // blocks of 16 x 8 outputs

// Bytes of local memory. All matrices lie there in panels of 64 columns, which are rows of 128 bytes.
#define QUERY_SIZE (ROWS * HEAD_DIM * 2)
#define KEY_SIZE (KEYS * HEAD_DIM * 2)
#define STAGE_SIZE (KEY_SIZE + KEYS * VALUE_DIM * 2)
#define LOCAL_SIZE (QUERY_SIZE + STAGES * STAGE_SIZE)
//: section functions
//: once Sm80/ptx/copy_16
//: once Sm80/ptx/warp_barrier
//: once Sm80/ptx/softmax_functions
//: once Sm80/ptx/row_reductions
//: once ptx/barriers
//: once ptx/arrive_when_copied
//: once ptx/registers
//: once piece_at
//: once ptx/row_barrier(row_work_items: ROW_ITEMS)
//: once ptx/products
// The groups take turns at starting products, so that one has its softmax while another multiplies.
static void wait_turn(int group)
{
    asm volatile("bar.sync %0, 256;" : : "r"(2 + group) : "memory");
}

static void give_turn(int next_group)
{
    asm volatile("bar.arrive %0, 256;" : : "r"(2 + next_group) : "memory");
}

//: once ptx/register_lists
//: once ptx/multiply_local(name: multiply_keys, columns: ${score_columns}, transposed: 0)
//: once ptx/multiply_registers(name: multiply_values, columns: ${output_columns})
//: once ptx/wait_products(name: wait_scores, columns: ${score_columns}, pending: 1)
//: once ptx/wait_products(name: wait_outputs, columns: ${output_columns}, pending: 0)
//: section kernel
local uint4 memory[LOCAL_SIZE / 16] __attribute__((aligned(1024)));
local ulong barriers[4 * STAGES];
const uint queries_at = (uint)(size_t)memory; // a local pointer is its address in shared memory
const uint tiles_at = queries_at + QUERY_SIZE;
const uint keys_there = (uint)(size_t)barriers; // the keys of stage s have arrived: barrier s of these
const uint keys_free = keys_there + STAGES * 8; // no warp reads them any more
const uint values_there = keys_free + STAGES * 8;
const uint values_free = values_there + STAGES * 8;
const int thread = get_local_id(0);
const int lane = thread % 32;
//: include copy_tiles

take_registers(ROW_REGISTERS);
const int group = thread / 128;
//: include load_queries
const int warp_row = thread / 32 * 16;
const int next_group = (group + 1) % ROW_GROUPS;
const ulong query_matrix = matrix_at(queries_at + group * 64 * 128, ROWS * 128);

//: include Sm80/begin_rows

uint4 p[KEYS / 16]; // probabilities of the tile before, as fragments
int tile = 0; // tiles whose scores are done
if (next_group == 0)
{
    give_turn(0);
}

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    const uint stage_at = tiles_at + tile % STAGES * STAGE_SIZE;
    float4 score[1][KEY_BLOCKS];
    wait_phase(keys_there + tile % STAGES * 8, tile / STAGES % 2);
    fence_asynchronous();
    wait_turn(group);
    begin_products();
    const ulong key_matrix = matrix_at(stage_at, KEYS * 128);
    //: include multiply_keys
    close_products();
    if (tile > 0)
    {
        //: include rows#multiply_values
    }
    close_products();
    give_turn(next_group);
    wait_scores(score[0]);
    if (lane == 0)
    {
        arrive(keys_free + tile % STAGES * 8);
    }

    //: include Sm80/transform_scores(first_key_of_block: first_key + j * 8 + lane % 4 * 2)

    //: include Sm80/mask_scores(first_key_of_block: first_key + j * 8 + lane % 4 * 2)

    //: include Sm80/softmax(share_maximum: , before_rescale: Sm90/rows#wait_values)

    // Two blocks of probabilities are one fragment of the next multiplication, as they lie.
    #pragma unroll
    for (int j = 0; j < KEYS / 16; j++)
    {
        //: include Sm80/fragment(to: p[j], row: 0, first: 2 * j, second: 2 * j + 1)
    }
    tile++;
}

if (group == 0)
{
    wait_turn(0); // the last group's last
}
if (tile > 0)
{
    begin_products();
    //: include rows#multiply_values
    close_products();
    wait_outputs(output[0]);
}

//: include Sm80/total_rows

//: include Sm80/store_rows(
//:     first_column: , warp_columns: VALUE_DIM, is_one: lane % 4 == 0, after_stores: warp_barrier();)
//: section multiply_values
//: # Starts the products of the last probabilities with the values of their tile.
const int before = tile - 1;
wait_phase(values_there + before % STAGES * 8, before / STAGES % 2);
fence_asynchronous();
const ulong value_matrix = matrix_at(tiles_at + before % STAGES * STAGE_SIZE + KEY_SIZE, KEYS * 128);
#pragma unroll
for (int j = 0; j < KEYS / 16; j++)
{
    multiply_values(output[0], p[j], value_matrix + j * (16 * 128 / 16));
}
//: section wait_values
//: # Waits for the products with the values of the tile before, whose outputs are to be rescaled.

// The values of the tile before have been multiplied meanwhile.
wait_outputs(output[0]);
if (tile > 0 && lane == 0)
{
    arrive(values_free + (tile - 1) % STAGES * 8);
}
