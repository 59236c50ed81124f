//: # Flash attention of few query rows on a CPU, bound by reading keys and values: one work-item does all the work of a tile. Keys and
//: # values are loaded in vectors of 16 along their elements, each once for all rows, and converted in registers. The lanes of a vector
//: # of scores are [row][key]: all rows of the tile against a few keys, vector_keys of them.
//: #
//: # has_heads: the work-item has several KV heads, one after the other in each tile; what is 'keys' and 'row_max' for a single one is
//: # found for each of them.
//: # whole_key_vectors: whole vectors of 16 elements in a key; key_rest, value_rest: the elements after them, and key_end, value_end the
//: # vector of these and zeros. Each is empty where there are none.
//: # each_key(text): the text for each key of a vector, in one line, with its number for #; each_lane(text): for each lane that of its key,
//: # as a list. sum(i): the i-th of the sums that become the lanes of a vector of scores.
//: # value_begins_line: whether a line of the processor's caches begins in vector d of a value, or empty: in each. touches_pages: rows lie
//: # in pages of memory that do not follow one another. scales_of_heads_are_adjacent: those of a token, for which one hint is enough.
//: # blocks: the vectors of a value, as many at a time as have sums in registers for all rows.
//: section tile
//: if has_heads
#define HEADS ${heads} // KV heads of a work-item, one after the other in each tile: their rows of a token lie close together
//: end
#define VECTOR_KEYS ${vector_keys} // keys in a vector of scores, whose lanes are [row][key]
#define KEY_VECTORS ${key_vectors} // vectors of 16 in a key
#define VALUE_VECTORS ${value_vectors}
// The key that is read as a tile's i-th: 0, 4, 8, 12, 1, ... In the order of memory the processor takes the keys for one stream, and
// fetches on past the end of a page.
#define KEY_AT(i) (((i) & ~15) | ((i) * 4 & 12) | ((i) >> 2 & 3))
//: section functions
//: once exp2_lanes
//: for width in load_widths
//: once load_function(width: ${width})
//: end
// Folds add lanes at a distance. swap gives each lane's neighbour there; fold the sums of neighbours, x's in the lower lane of each two
// and y's in the upper. Four folds turn 16 vectors of partial sums into one vector of 16 sums.
//: include decode#fold(step: 8,
//:     neighbours: 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7,
//:     upper: 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1)

//: include decode#fold(step: 4,
//:     neighbours: 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11,
//:     upper: 0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1)

//: include decode#fold(step: 2,
//:     neighbours: 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13,
//:     upper: 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1)

//: include decode#fold(step: 1,
//:     neighbours: 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14,
//:     upper: 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1)

// Whether one of some vectors has something that is not finite: its product with 0 is NaN.
static int is_poisoned(const lanes_float* x, int count)
{
    lanes_float zero = (lanes_float)(0.0f);
    for (int i = 0; i < count; i++)
    {
        zero = fma(x[i], (lanes_float)(0.0f), zero);
    }
    return any(isnan(zero));
}

//: once prefetch_line(level: 2, locality: 2)
//: if key_rest
// The last ${key_rest} elements of a key, then zeros.
static float16 load_key_end(global const ${cache}* row)
{
    return (float16)(${key_end});
}

//: end
//: if value_rest
// The last ${value_rest} elements of a value, then zeros.
static float16 load_value_end(global const ${cache}* row)
{
    return (float16)(${value_end});
}

//: end
//: section fold
//: # The functions that add lanes at a distance, the step.
static float16 swap_${step}(float16 x)
{
    return shuffle(x, (uint16)(${neighbours}));
}

static float16 fold_${step}(float16 x, float16 y)
{
    const int16 upper = (int16)(${upper});
    return select(x, y, upper) + swap_${step}(select(y, x, upper));
}
//: section kernel
//: if has_heads
lanes_float queries_of_heads[HEADS * ROWS * KEY_VECTORS];
lanes_float outputs_of_heads[HEADS * ROWS * VALUE_VECTORS];
lanes_float max_of_heads[HEADS]; // row_max of each
lanes_float sum_of_heads[HEADS];
lanes_float p[KEYS / VECTOR_KEYS]; // scores, then probabilities
for (int head = 0; head < HEADS; head++)
{
    const int kv_head = first_head + head;
    lanes_float* const query = queries_of_heads + head * ROWS * KEY_VECTORS;
    lanes_float* const output = outputs_of_heads + head * ROWS * VALUE_VECTORS;
    //: include decode#load_queries
    max_of_heads[head] = (lanes_float)(-INFINITY);
    sum_of_heads[head] = (lanes_float)(0.0f);
}
//: else
lanes_float query[ROWS * KEY_VECTORS];
lanes_float output[ROWS * VALUE_VECTORS];
lanes_float p[KEYS / VECTOR_KEYS]; // scores, then probabilities
lanes_float row_max = (lanes_float)(-INFINITY); // the same in all lanes of a row
lanes_float row_sum = (lanes_float)(0.0f); // each lane has the sum of its own keys
//: include decode#load_queries
//: end
const lanes_int lane = (lanes_int)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
const lanes_int lane_key = lane % VECTOR_KEYS;
const int last_of_work = work.kv_end - 1;
//: if needs_rows and !has_heads
Row row;
${set_row(row, min(lane / VECTOR_KEYS, (lanes_int)(work.row_count - 1)))}
//: end

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: if has_heads
    //: include decode#find_rows
    //: if scales_tokens and scales_of_heads_are_adjacent
    for (int j = KEYS; j < 2 * KEYS; j += ${scales_of_line})
    {
        prefetch_line(key_scales + at[j]);
        prefetch_line(value_scales + at[j]);
    }
    //: end
    for (int head = 0; head < HEADS; head++)
    {
        //: if asks_kv_head
        const int kv_head = first_head + head;
        //: end
        lanes_float* const query = queries_of_heads + head * ROWS * KEY_VECTORS;
        lanes_float* const output = outputs_of_heads + head * ROWS * VALUE_VECTORS;
        lanes_float row_max = max_of_heads[head]; // the same in all lanes of a row
        lanes_float row_sum = sum_of_heads[head]; // each lane has the sum of its own keys
        const long head_row = (long)head * ${rows_of_head}; // how far its rows are from those of the first head
        global const ${cache}* const head_keys = keys + head_row * ${row_length(HEAD_DIM)};
        global const ${cache}* const head_values = values + head_row * ${row_length(VALUE_DIM)};
        //: if scales_tokens
        global const float* const head_key_scales = key_scales + head_row;
        global const float* const head_value_scales = value_scales + head_row;
        //: end
        // The keys that are read next: this tile's of the next head, after the last head's the next tile's of the first.
        global const ${cache}* const next_keys = head + 1 < HEADS ? head_keys + ${rows_of_head} * ${row_length(HEAD_DIM)} : keys;
        const int next_at = head + 1 < HEADS ? 0 : KEYS;
        //: if needs_rows
        Row row;
        ${set_row(row, min(lane / VECTOR_KEYS, (lanes_int)(work.row_count - 1)))}
        //: end
        //: include tile_class
        //: include decode#tile_of_head(own: head_, next_keys: next_keys, next_at: next_at)
        max_of_heads[head] = row_max;
        sum_of_heads[head] = row_sum;
    }
    //: else
    //: include tile_class
    //: include decode#find_rows
    //: include decode#tile_of_head(own: , next_keys: keys, next_at: KEYS)
    //: end
}

//: if has_heads
for (int head = 0; head < HEADS; head++)
{
    const int kv_head = first_head + head;
    lanes_float* const output = outputs_of_heads + head * ROWS * VALUE_VECTORS;
    const lanes_float row_max = max_of_heads[head];
    lanes_float row_sum = sum_of_heads[head];
    //: include decode#store_rows
}
//: else
//: include decode#store_rows
//: end
//: section load_queries
//: # A head's queries, scaled, and zeros as its outputs.
for (int i = 0; i < ROWS * KEY_VECTORS; i++)
{
    query[i] = (lanes_float)(0.0f);
}
for (int row = 0; row < work.row_count; row++)
{
    global const ${storage}* from = queries + packed_row(work, kv_head, row) * HEAD_DIM;
    for (int d = 0; d < HEAD_DIM; d++)
    {
        ((float*)(query + row * KEY_VECTORS))[d] = ${load(from, d)} * ${query_factor};
    }
}
for (int i = 0; i < ROWS * VALUE_VECTORS; i++)
{
    output[i] = (lanes_float)(0.0f);
}
//: include turn_queries(first: (float*)(query + row * KEY_VECTORS) + (${rope_first(i)}),
//:     second: (float*)(query + row * KEY_VECTORS) + (${rope_second(i)}))
//: section find_rows
//: # Where the rows of the tile are, of the first head where there are several.
const int key_count = min(KEYS, work.kv_end - first_key);
const int vector_count = (key_count + 15) / 16 * (16 / VECTOR_KEYS);
//: if has_heads
long at[2 * KEYS]; // where the rows of this tile and of the next are in the cache, counted in rows; those of the first head
//: else
long at[2 * KEYS]; // where the rows of this tile and of the next are in the cache, counted in rows
//: end
for (int j = 0; j < 2 * KEYS; j++)
{
    //: if has_heads
    const int kv_head = first_head;
    //: end
    // Past the end the last key again, so that nothing unwritten is read; its scores there are masked.
    const int key = min(first_key + KEY_AT(j), last_of_work);
    at[j] = ${row_of_token(key, 1)};
}
//: section tile_of_head
//: # A tile's keys of one head. Holes: own, the beginning of the names of its buffers, from which 'at' counts; next_keys, next_at: from
//: # where the keys that are read next are counted, and where 'at' has them.
//: if scales_tokens
lanes_float value_scale[KEYS / VECTOR_KEYS];
//: end

//: # Hints at a page's other lines would wait for its address.
//: if touches_pages
// A line of each page of memory that keys ${keys_until_touched} from here lie in, so that later hints find the page's address translated.
for (int j = ${keys_until_touched}; j < ${keys_until_touched} + KEYS; j += ${rows_of_memory_page})
{
    const int key = min(first_key + j, last_of_work);
    const long touched = ${row_of_token(key, 1)};
    prefetch_line(keys + touched * ${row_length(HEAD_DIM)});
    //: if !latent
    prefetch_line(values + touched * ${row_length(VALUE_DIM)});
    //: end
}
//: end

//: # The next tile's scales.
//: if scales_tokens and !scales_of_heads_are_adjacent
for (int j = KEYS; j < 2 * KEYS; j += ${scales_of_line})
{
    prefetch_line(${own}key_scales + at[j]);
    prefetch_line(${own}value_scales + at[j]);
}
//: end

//: # Scores.
for (int g = 0; g < vector_count; g++)
{
    //: for i in 0..vector_keys
    global const ${cache}* k${i} = ${own}keys + at[g * VECTOR_KEYS + ${i}] * ${row_length(HEAD_DIM)};
    //: end
    //: if whole_key_vectors and !latent
    //: for i in 0..vector_keys
    global const ${cache}* v${i} = ${own}values + at[g * VECTOR_KEYS + ${i}] * ${row_length(VALUE_DIM)};
    //: end
    //: end
    //: for row in 0..rows
    ${each_key(float16 s${row}_# = (float16)(0.0f);)}
    //: end
    //: if whole_key_vectors
    #pragma unroll 2
    for (int d = 0; d < ${whole_key_vectors}; d++)
    {
        //: # Asks for the lines that begin in the vectors d of the values: spread over the products, since memory takes so many hints at a
        //: # time.
        //: if value_begins_line and !latent
        if (${value_begins_line})
        {
            //: for i in 0..vector_keys
            prefetch_line(v${i} + ${row_length(d * 16)});
            //: end
        }
        //: elif !latent
        //: for i in 0..vector_keys
        prefetch_line(v${i} + ${row_length(d * 16)});
        //: end
        //: end
        //: for i in 0..vector_keys
        const float16 x${i} = ${load_cached_vector(16, k${i}, d * 16)};
        //: end
        //: include decode#multiply_keys(d: d)
    }
    //: end
    //: if key_rest
    {
        //: for i in 0..vector_keys
        const float16 x${i} = load_key_end(k${i});
        //: end
        //: include decode#multiply_keys(d: ${key_vectors_before_rest})
    }
    //: end

    //: # The sum of each vector's lanes is the score of a row with a key: 16 of them become the lanes of one vector.
    const float16 f8_0 = fold_8(${sum(0)}, ${sum(8)});
    const float16 f8_1 = fold_8(${sum(1)}, ${sum(9)});
    const float16 f8_2 = fold_8(${sum(2)}, ${sum(10)});
    const float16 f8_3 = fold_8(${sum(3)}, ${sum(11)});
    const float16 f8_4 = fold_8(${sum(4)}, ${sum(12)});
    const float16 f8_5 = fold_8(${sum(5)}, ${sum(13)});
    const float16 f8_6 = fold_8(${sum(6)}, ${sum(14)});
    const float16 f8_7 = fold_8(${sum(7)}, ${sum(15)});
    const float16 f4_0 = fold_4(f8_0, f8_4);
    const float16 f4_1 = fold_4(f8_1, f8_5);
    const float16 f4_2 = fold_4(f8_2, f8_6);
    const float16 f4_3 = fold_4(f8_3, f8_7);
    const float16 f2_0 = fold_2(f4_0, f4_2);
    const float16 f2_1 = fold_2(f4_1, f4_3);
    p[g] = fold_1(f2_0, f2_1);
    //: if scales_tokens
    //: for i in 0..vector_keys
    const float x${i} = ${own}key_scales[at[g * VECTOR_KEYS + ${i}]];
    //: end
    //: for i in 0..vector_keys
    const float y${i} = ${own}value_scales[at[g * VECTOR_KEYS + ${i}]];
    //: end
    p[g] *= (float16)(${each_lane(x#)});
    value_scale[g] = (float16)(${each_lane(y#)});
    //: end
}

//: # Transforms scores by the spec's steps.
//: if transforms
for (int g = 0; g < vector_count; g++)
{
    p[g] = transform_score(p[g], row, min(first_key + KEY_AT(g * VECTOR_KEYS + lane_key), (lanes_int)(last_of_work))${transform_arguments});
}
//: end

//: # Masks scores: those of keys that a row must not see, or past the end, become -inf. Only tiles on a boundary have such keys.
//: include where_masked
{
    for (int g = 0; g < vector_count; g++)
    {
        const lanes_int key = first_key + KEY_AT(g * VECTOR_KEYS + lane_key);
        //: if hides_keys
        const lanes_int visible = is_visible(row, min(key, (lanes_int)(last_of_work))${visible_arguments}) && key <= last_of_work;
        p[g] = lanes_select((lanes_float)(-INFINITY), p[g], visible);
        //: else
        p[g] = lanes_select((lanes_float)(-INFINITY), p[g], key <= last_of_work);
        //: end
    }
}

//: # Online softmax: new maximum and sum, scores become probabilities.

lanes_float new_max = row_max;
for (int g = 0; g < vector_count; g++)
{
    new_max = fmax(new_max, p[g]);
}
//: for step in steps_over_keys
new_max = fmax(new_max, swap_${step}(new_max));
//: end

// A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
const lanes_float base = select(new_max, (lanes_float)(0.0f), new_max == -INFINITY);
const lanes_float rescale = exp2_lanes(${power(row_max, base)});
row_max = new_max;
row_sum *= rescale;
for (int g = 0; g < vector_count; g++)
{
    p[g] = exp2_lanes(${power(p[g], base)});
    row_sum += p[g];
    //: if scales_tokens
    p[g] *= value_scale[g]; // the weight of an element before its scale
    //: end
}

//: # Probabilities times values, added to the outputs. A block is some columns of all rows, so that a value is loaded and converted once;
//: # each vector of it asks for the lines that begin in its share of the next key.
//: for block in blocks
{
    //: for row in 0..rows
    const float rescale_${row} = ((const float*)&rescale)[${row} * VECTOR_KEYS];
    //: end
    //: for row in 0..rows
    //: for c in block.vectors
    lanes_float o${row}_${c.number} = output[${row} * VALUE_VECTORS + ${c.of_value}] * rescale_${row};
    //: end
    //: end
    for (int g = 0; g < vector_count; g++)
    {
        const float* w = (const float*)(p + g); // 0 for keys past the end
        #pragma unroll
        for (int i = 0; i < VECTOR_KEYS; i++)
        {
            const int j = g * VECTOR_KEYS + i;
            //: if block.has_hints
            global const ${cache}* next_key = ${next_keys} + at[${next_at} + j] * ${row_length(HEAD_DIM)};
            //: end
            //: if latent
            global const ${cache}* v = keys + at[j] * ${row_length(HEAD_DIM)};
            //: else
            global const ${cache}* v = ${own}values + at[j] * ${row_length(VALUE_DIM)};
            //: end
            //: for row in 0..rows
            const float w${row} = w[${row} * VECTOR_KEYS + i];
            //: end
            //: for c in block.vectors
            //: for element in c.next_key_elements
            prefetch_line(next_key + ${row_length(${element})});
            //: end
            //: if c.is_whole
            const float16 v${c.number} = ${load_cached_vector(16, v, ${c.element})};
            //: else
            const float16 v${c.number} = load_value_end(v);
            //: end
            //: for row in 0..rows
            o${row}_${c.number} = fma(v${c.number}, (float16)(w${row}), o${row}_${c.number});
            //: end
            //: end
        }
    }
    //: for row in 0..rows
    //: for c in block.vectors
    output[${row} * VALUE_VECTORS + ${c.of_value}] = o${row}_${c.number};
    //: end
    //: end
}
//: end
//: section multiply_keys
//: # The vectors x0, x1, ... of a vector's keys times those of all rows. Hole: d, which of their vectors these are.
const float16 q0 = query[${d}];
//: for i in 0..vector_keys
s0_${i} = fma(q0, x${i}, s0_${i});
//: end
//: for row in 1..rows
const float16 q${row} = query[${row} * KEY_VECTORS + ${d}];
//: for i in 0..vector_keys
s${row}_${i} = fma(q${row}, x${i}, s${row}_${i});
//: end
//: end
//: section store_rows
//: # Stores a head's rows: as outputs and LSEs, or as partial states; those with something that is not finite are calculated again.
//: for step in steps_over_keys
row_sum += swap_${step}(row_sum);
//: end
for (int row = 0; row < work.row_count; row++)
{
    const float maximum = ((const float*)&row_max)[row * VECTOR_KEYS];
    const float sum = ((const float*)&row_sum)[row * VECTOR_KEYS];
    //: include row_factor(row: row, maximum: maximum)
    if (is_final)
    {
        global ${storage}* out = outputs + to * VALUE_DIM;
        for (int c = 0; c < VALUE_DIM; c++)
        {
            ${store(out + c, ((const float*)(output + row * VALUE_VECTORS))[c] * inverse)}
        }
        lse[to] = sum == 0.0f ? -INFINITY : ${natural(maximum)} + log(sum);
    }
    else
    {
        for (int c = 0; c < VALUE_DIM; c++)
        {
            partial_outputs[to * VALUE_DIM + c] = ((const float*)(output + row * VALUE_VECTORS))[c] * inverse;
        }
        partial_states[to] = (float2)(maximum, sum);
    }
    //: include exact_row(row: row, is_needed: is_poisoned(output + row * VALUE_VECTORS, VALUE_VECTORS))
}
