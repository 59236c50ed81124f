//: # Flash attention of few query rows on a GPU, bound by reading keys and values: they go from the cache straight into registers, in
//: # pieces of up to 16 bytes, the keys of a tile while the tile before is worked on. The lanes of a set have pieces of the same keys;
//: # each multiplies its own, and what they find is added up in local memory. Sets have keys, maxima and sums of their own, which are
//: # merged at the end.
//: #
//: # piece, piece_elements: the type of a piece, and the elements of one. whole_rounds: all work-items add up as many scores; else in the
//: # last round there may be fewer scores than work-items.
//: section tile
#define LANES ${lanes} // work-items that share a key
#define SETS ${sets} // sets of work-items, which have keys of their own
#define ROWS_EACH ${rows_each} // rows of one work-item
#define KEYS_EACH ${keys_each} // keys of one work-item
#define WORK_GROUP (LANES * SETS * ROWS / ROWS_EACH)
#define SCORES_EACH ((KEYS * ROWS + WORK_GROUP - 1) / WORK_GROUP) // scores that one work-item adds up

#define PIECE ${piece_elements} // elements that are loaded at a time
#define KEY_PIECES ${key_pieces} // pieces of a key for one work-item
#define VALUE_PIECES ${value_pieces}

// In floats, but for the queries, which are float4s. An odd stride lets parts of scores begin in different banks of local memory.
#define HEAD_DIM4 (HEAD_DIM / 4)
#define QUERY_STRIDE HEAD_DIM4
#define PART_STRIDE ${part_stride}
#define STATE_STRIDE (VALUE_DIM + 4) // output, then maximum and sum
//: section functions
//: once ${piece_function}(width: ${piece_elements})
//: include add_products(width: ${piece_elements})

//: include load_query

//: include store_functions

//: section kernel
local float4 exchange[${exchange_float4s}]; // queries, then parts of scores, at the end the states of the sets
local float4* const query_tile = exchange;
local float* const parts = (local float*)exchange;
local float scores[KEYS * ROWS]; // key after key
const int id = get_local_id(0);
const int lane = id % LANES; // which pieces
const int own_row = id / LANES % (ROWS / ROWS_EACH) * ROWS_EACH; // the first of the work-item's rows
const int set = id / (WORK_GROUP / SETS); // which keys: this one, and each SETS after it

//: include load_queries
barrier(CLK_LOCAL_MEM_FENCE);
float${piece_elements} query[ROWS_EACH][KEY_PIECES];
float${piece_elements} output[ROWS_EACH][VALUE_PIECES];
float row_max[ROWS_EACH]; // of the set's keys
float row_sum[ROWS_EACH];
for (int r = 0; r < ROWS_EACH; r++)
{
    for (int c = 0; c < KEY_PIECES; c++)
    {
        query[r][c] = vload${piece_elements}(lane + c * LANES, (local const float*)(query_tile + (own_row + r) * QUERY_STRIDE));
    }
    for (int c = 0; c < VALUE_PIECES; c++)
    {
        output[r][c] = (float${piece_elements})(0.0f);
    }
    row_max[r] = -INFINITY;
    row_sum[r] = 0.0f;
}
barrier(CLK_LOCAL_MEM_FENCE); // parts of scores take the queries' place
//: if needs_rows

const Row row = ${make_row(min(id % ROWS, work.row_count - 1))}; // of all scores that the work-item adds up
//: end

global const ${piece}* const key_cache = (global const ${piece}*)keys;
global const ${piece}* const value_cache = (global const ${piece}*)values;
const int last_of_work = work.kv_end - 1;
long at[KEYS_EACH]; // where the work-item's keys of the next tile are in the cache, counted in rows
${piece} key_piece[KEYS_EACH][KEY_PIECES];
//: if scales_tokens
float key_scale[KEYS_EACH];
//: end
if (work.kv_begin < work.kv_end)
{
    //: include pieces#load_keys(first: work.kv_begin)
}

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    ${piece} value_piece[KEYS_EACH][VALUE_PIECES]; // on their way while scores are calculated
    //: if scales_tokens
    float value_scale[KEYS_EACH];
    //: end
    for (int j = 0; j < KEYS_EACH; j++)
    {
        for (int c = 0; c < VALUE_PIECES; c++)
        {
            value_piece[j][c] = value_cache[at[j] * (VALUE_DIM / PIECE) + lane + c * LANES];
        }
        //: if scales_tokens
        value_scale[j] = value_scales[at[j]];
        //: end
    }

    for (int j = 0; j < KEYS_EACH; j++)
    {
        float part[ROWS_EACH];
        for (int r = 0; r < ROWS_EACH; r++)
        {
            part[r] = 0.0f;
        }
        for (int c = 0; c < KEY_PIECES; c++)
        {
            const float${piece_elements} k = ${piece_to_float(key_piece[j][c])};
            for (int r = 0; r < ROWS_EACH; r++)
            {
                part[r] = add_products(part[r], query[r][c], k);
            }
        }
        for (int r = 0; r < ROWS_EACH; r++)
        {
            //: if scales_tokens
            parts[((set + j * SETS) * ROWS + own_row + r) * PART_STRIDE + lane] = part[r] * key_scale[j];
            //: else
            parts[((set + j * SETS) * ROWS + own_row + r) * PART_STRIDE + lane] = part[r];
            //: end
        }
    }
    //: include pieces#load_keys(first: first_key + KEYS)
    barrier(CLK_LOCAL_MEM_FENCE);

    float score[SCORES_EACH];
    for (int i = 0; i < SCORES_EACH; i++)
    {
        score[i] = 0.0f;
        //: if whole_rounds
        for (int l = 0; l < LANES; l++)
        {
            score[i] += parts[(id + i * WORK_GROUP) * PART_STRIDE + l];
        }
        //: else
        if (id + i * WORK_GROUP < KEYS * ROWS)
        {
            for (int l = 0; l < LANES; l++)
            {
                score[i] += parts[(id + i * WORK_GROUP) * PART_STRIDE + l];
            }
        }
        //: end
    }
    //: if transforms
    for (int i = 0; i < SCORES_EACH; i++)
    {
        //: if whole_rounds
        const int key = min(first_key + (id + i * WORK_GROUP) / ROWS, last_of_work);
        score[i] = transform_score(score[i], row, key${transform_arguments});
        //: else
        if (id + i * WORK_GROUP < KEYS * ROWS)
        {
            const int key = min(first_key + (id + i * WORK_GROUP) / ROWS, last_of_work);
            score[i] = transform_score(score[i], row, key${transform_arguments});
        }
        //: end
    }
    //: end
    //: if hides
    //: include where_masked
    {
        for (int i = 0; i < SCORES_EACH; i++)
        {
            //: if whole_rounds
            //: include pieces#mask_score
            //: else
            if (id + i * WORK_GROUP < KEYS * ROWS)
            {
                //: include pieces#mask_score
            }
            //: end
        }
    }
    //: end

    for (int i = 0; i < SCORES_EACH; i++)
    {
        //: if whole_rounds
        scores[id + i * WORK_GROUP] = score[i];
        //: else
        if (id + i * WORK_GROUP < KEYS * ROWS)
        {
            scores[id + i * WORK_GROUP] = score[i];
        }
        //: end
    }
    barrier(CLK_LOCAL_MEM_FENCE);

    float p[KEYS_EACH][ROWS_EACH];
    for (int r = 0; r < ROWS_EACH; r++)
    {
        float top = row_max[r];
        for (int j = 0; j < KEYS_EACH; j++)
        {
            p[j][r] = scores[(set + j * SETS) * ROWS + own_row + r];
            top = fmax(top, p[j][r]);
        }

        // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
        const float base = top == -INFINITY ? 0.0f : top;
        const float rescale = exp2(${power(row_max[r], base)});
        row_max[r] = top;
        row_sum[r] *= rescale;
        for (int c = 0; c < VALUE_PIECES; c++)
        {
            output[r][c] *= rescale;
        }
        for (int j = 0; j < KEYS_EACH; j++)
        {
            p[j][r] = exp2(${power(p[j][r], base)});
            row_sum[r] += p[j][r];
            //: if scales_tokens
            p[j][r] *= value_scale[j];
            //: end
        }
    }

    for (int j = 0; j < KEYS_EACH; j++)
    {
        for (int c = 0; c < VALUE_PIECES; c++)
        {
            const float${piece_elements} v = ${piece_to_float(value_piece[j][c])};
            for (int r = 0; r < ROWS_EACH; r++)
            {
                output[r][c] += p[j][r] * v;
            }
        }
    }
}

// Each set's state, and then their sum.
for (int r = 0; r < ROWS_EACH; r++)
{
    local float* const state = parts + (set * ROWS + own_row + r) * STATE_STRIDE;
    for (int c = 0; c < VALUE_PIECES; c++)
    {
        vstore${piece_elements}(output[r][c], lane + c * LANES, state);
    }
    if (lane == 0)
    {
        state[VALUE_DIM] = row_max[r];
        state[VALUE_DIM + 1] = row_sum[r];
    }
}
local int poisoned[ROWS]; // whether a row has an output that is not finite
if (id < ROWS)
{
    poisoned[id] = 0;
}
barrier(CLK_LOCAL_MEM_FENCE);

for (int i = id; i < work.row_count * (VALUE_DIM / 4); i += WORK_GROUP)
{
    const int r = i / (VALUE_DIM / 4);
    const int d = i % (VALUE_DIM / 4) * 4;
    local const float* const states = parts + r * STATE_STRIDE;
    float top = -INFINITY;
    for (int s = 0; s < SETS; s++)
    {
        top = fmax(top, states[s * ROWS * STATE_STRIDE + VALUE_DIM]);
    }

    const float base = top == -INFINITY ? 0.0f : top;
    float sum = 0.0f;
    float4 result = (float4)(0.0f);
    for (int s = 0; s < SETS; s++)
    {
        local const float* const state = states + s * ROWS * STATE_STRIDE;
        const float weight = exp2(${power(state[VALUE_DIM], base)});
        sum += weight * state[VALUE_DIM + 1];
        result += weight * vload4(0, state + d);
    }

    //: include row_factor(row: r, maximum: top)
    if (is_final)
    {
        store_output(outputs + to * VALUE_DIM, d, result * inverse);
    }
    else
    {
        store_partial(partial_outputs + to * VALUE_DIM, d, result * inverse);
    }
    //: include store_state(is_one: d == 0, maximum: top)
    if (any((as_uint4(result) & 0x7FFFFFFF) >= 0x7F800000)) // not finite; some drivers take 0 * x for 0
    {
        poisoned[r] = 1;
    }
}
local float* const weights = parts; // a number of each work-item, should a row need it
//: include exact_rows(member: id)
//: section mask_score
//: # The i-th score that a work-item has added up becomes -inf if the row must not see its key.
const int key = first_key + (id + i * WORK_GROUP) / ROWS;
//: if hides_keys
const int visible = key <= last_of_work && is_visible(row, min(key, last_of_work)${visible_arguments});
score[i] = visible ? score[i] : -INFINITY;
//: else
score[i] = key <= last_of_work ? score[i] : -INFINITY;
//: end
//: section load_keys
//: # Finds the work-item's keys of a tile, and asks for its pieces of them. All places are found before any is read: the loads do not
//: # wait for one another. Hole: first, the tile's first key.
for (int j = 0; j < KEYS_EACH; j++)
{
    const int token = min(${first} + set + j * SETS, last_of_work); // past the end the last one again, whose scores there are masked
    at[j] = ${row_of_token(token, 1)};
}
for (int j = 0; j < KEYS_EACH; j++)
{
    for (int c = 0; c < KEY_PIECES; c++)
    {
        key_piece[j][c] = key_cache[at[j] * (HEAD_DIM / PIECE) + lane + c * LANES];
    }
    //: if scales_tokens
    key_scale[j] = key_scales[at[j]];
    //: end
}
