//: # Flash attention of many query rows on a CPU: one work-item does all the work of a tile, in vectors of 16, without local memory and
//: # barriers. The lanes of a vector are query rows, so that maximum, sum and rescaling need no exchange between lanes, and an element of
//: # a key or value is broadcast to all of them.
//: #
//: # in_place: tiles are read where they lie, float32 rows one after the other; else they are converted to float32 first. Elements of
//: # either are of the type tile_float.
//: # leaves_out_hidden: vectors of rows are left out where a causal mask hides all keys from them.
//: # key_whole, value_whole: the elements of a row that are in whole vectors of 16; key_rest, value_rest: the first of the others. Each
//: # is empty where there are none. leaves_columns: AT_ONCE leaves some of the output, for one of the tiles at least.
//: section tile
#define ROW_VECTORS ${row_vectors} // vectors of 16 that the rows make
#ifdef __AVX512F__ // 32 registers of 16 lanes
#define VECTORS_AT_ONCE ROW_VECTORS // of these, have sums in registers at a time
#define AT_ONCE ${at_once} // keys, later columns of the output, that do
#else
#define VECTORS_AT_ONCE 1
#define AT_ONCE ${few_registers_at_once}
#endif
//: section functions
#define UNROLLED _Pragma("unroll") // what the loop indexes by its variable stays in registers
//: if in_place
#define LINE 16 // elements that memory gives at a time
//: end

//: once exp2_lanes
//: for width in load_widths
//: once load_function(width: ${width})
//: end
//: once ${query_load_function}
//: once prefetch_line(level: 1, locality: 3)
// The same for all bytes of a row.
static void prefetch_row(global const void* row, int bytes)
{
    for (int at = 0; at < bytes; at += 64)
    {
        prefetch_line((global const char*)row + at);
    }
}

//: if key_whole or value_whole
// Lane i of x[j] goes to lane j of x[i]: rows become columns. Each round weaves the first half of the vectors with the second.
static void transpose(lanes_float x[16])
{
    UNROLLED for (int round = 0; round < 4; round++)
    {
        lanes_float woven[16];
        UNROLLED for (int i = 0; i < 8; i++)
        {
            const lanes_float a = x[i], b = x[i + 8];
            woven[2 * i] = (lanes_float)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7);
            woven[2 * i + 1] = (lanes_float)(a.s8, b.s8, a.s9, b.s9, a.sa, b.sa, a.sb, b.sb, a.sc, b.sc, a.sd, b.sd, a.se, b.se, a.sf, b.sf);
        }
        UNROLLED for (int i = 0; i < 16; i++)
        {
            x[i] = woven[i];
        }
    }
}

//: end
//: section kernel
// A lane of these vectors is a query row.
lanes_float query[HEAD_DIM][ROW_VECTORS]; // query[d] has element d of every row
lanes_float output[VALUE_DIM][ROW_VECTORS];
lanes_float p[KEYS][ROW_VECTORS]; // scores, then probabilities: p[j] has those of key j
lanes_float row_max[ROW_VECTORS];
lanes_float row_sum[ROW_VECTORS];
//: if !in_place and values_are_wider
float tile[KEYS * VALUE_DIM]; // keys or values as float32
//: elif !in_place
float tile[KEYS * HEAD_DIM]; // keys or values as float32
//: end
//: if needs_rows
const lanes_int lane = (lanes_int)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
Row row[ROW_VECTORS];
//: end
for (int r = 0; r < ROW_VECTORS; r++)
{
    row_max[r] = (lanes_float)(-INFINITY);
    row_sum[r] = (lanes_float)(0.0f);
    for (int c = 0; c < VALUE_DIM; c++)
    {
        output[c][r] = (lanes_float)(0.0f);
    }
    //: if needs_rows
    row[r] = ${make_row(min(r * 16 + lane, (lanes_int)(work.row_count - 1)))};
    //: end

    //: # Queries are loaded as rows, which become lanes.
    global const ${storage}* from[16];
    for (int i = 0; i < 16; i++)
    {
        // Lanes past the last row repeat it; what they give is not stored.
        from[i] = queries + packed_row(work, kv_head, min(r * 16 + i, work.row_count - 1)) * HEAD_DIM;
        prefetch_row(from[i], HEAD_DIM * sizeof(${storage}));
    }
    //: if key_whole
    //: if key_rest
    for (int d = 0; d < ${key_whole}; d += 16)
    //: else
    for (int d = 0; d < HEAD_DIM; d += 16)
    //: end
    {
        lanes_float x[16];
        UNROLLED for (int i = 0; i < 16; i++)
        {
            x[i] = ${load_vector(16, from[i], d)} * ${query_factor};
        }
        transpose(x);
        UNROLLED for (int i = 0; i < 16; i++)
        {
            query[d + i][r] = x[i];
        }
    }
    //: end
    //: if key_rest
    for (int d = ${key_rest}; d < HEAD_DIM; d++)
    {
        UNROLLED for (int i = 0; i < 16; i++)
        {
            ((float*)&query[d][r])[i] = ${load(from[i], d)} * ${query_factor};
        }
    }
    //: end
}

//: # The memory that the rows will be stored in arrives while keys are read. Rows of a latent cache are too long for the processor's
//: # caches, and their work tiles so long that the end does not count.
//: if !latent
for (int row = 0; row < work.row_count && work.partial_row < 0; row++)
{
    prefetch_row(outputs + packed_row(work, kv_head, row) * VALUE_DIM, VALUE_DIM * sizeof(${storage})); // is there when they are stored
}
//: end
//: include turn_queries(
//:     first: (float*)query + (${rope_first(i)}) * ROWS + row,
//:     second: (float*)query + (${rope_second(i)}) * ROWS + row)

for (int first_key = work.kv_begin; first_key < work.kv_end; first_key += KEYS)
{
    //: include tile_class
    const int key_count = min(KEYS, work.kv_end - first_key);
    //: if leaves_out_hidden
    int seen[ROW_VECTORS]; // keys of the tile that each vector's last row sees, as others do that come later
    UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
    {
        seen[r] = clamp(work.position + (work.first_row + r * 16 + 15) / GROUP + 1 - first_key, 0, key_count);
    }
    //: end
    //: if in_place
    ${tile_float}* key_rows = keys + key_row(sequence, kv_head, first_key, ${addressing});
    //: else
    //: include prefill#convert_rows(kind: key, dim: HEAD_DIM, whole: ${key_whole}, rest: ${key_rest})
    ${tile_float}* key_rows = tile;
    //: end

    //: # Scores.
    int j = 0;
    for (; j + AT_ONCE <= key_count; j += AT_ONCE)
    {
        ${tile_float}* k = key_rows + j * HEAD_DIM;
        for (int b = 0; b < ROW_VECTORS; b += VECTORS_AT_ONCE)
        {
            //: if leaves_out_hidden
            //: # A copy of the code for each number of vectors left out: which have sums is then known when it is compiled.
            int hidden = 0; // vectors that see none of the keys
            while (hidden < VECTORS_AT_ONCE - 1 && seen[b + hidden] <= j)
            {
                hidden++;
            }
            UNROLLED for (int first = 0; first < VECTORS_AT_ONCE; first++)
            {
                if (first == hidden)
                {
                    //: include prefill#multiply_keys(count: AT_ONCE, first: first, start: r < first ? -INFINITY : 0.0f, hints: yes)
                }
            }
            //: else
            //: include prefill#multiply_keys(count: AT_ONCE, first: 0, start: 0.0f, hints: yes)
            //: end
        }
    }
    for (; j < key_count; j++)
    {
        ${tile_float}* k = key_rows + j * HEAD_DIM;
        for (int b = 0; b < ROW_VECTORS; b += VECTORS_AT_ONCE)
        {
            //: include prefill#multiply_keys(count: 1, first: 0, start: 0.0f, hints: )
        }
    }

    //: if scales_tokens
    float value_scale[KEYS];
    for (int j = 0; j < key_count; j++)
    {
        const long at = scale_index(sequence, kv_head, first_key + j, ${addressing});
        value_scale[j] = value_scales[at];
        UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
        {
            p[j][r] *= key_scales[at];
        }
    }

    //: end

    //: # Transforms scores by the spec's steps.
    //: if transforms
    for (int j = 0; j < key_count; j++)
    {
        UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
        {
            p[j][r] = transform_score(p[j][r], row[r], (lanes_int)(first_key + j)${transform_arguments});
        }
    }
    //: end

    //: # Masks scores: those of keys that a row must not see become -inf. Only tiles on a boundary have such keys.
    //: if hides
    //: include where_masked
    {
        for (int j = 0; j < key_count; j++)
        {
            UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
            {
                const lanes_int visible = is_visible(row[r], (lanes_int)(first_key + j)${visible_arguments});
                p[j][r] = lanes_select((lanes_float)(-INFINITY), p[j][r], visible);
            }
        }
    }
    //: end

    //: # Online softmax: new maxima and sums, scores become probabilities.

    lanes_float new_max[ROW_VECTORS], base[ROW_VECTORS], sum[ROW_VECTORS];
    lanes_float rescale[ROW_VECTORS]; // of what was accumulated
    UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
    {
        new_max[r] = row_max[r];
    }
    #pragma unroll 4
    for (int j = 0; j < key_count; j++)
    {
        UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
        {
            new_max[r] = p[j][r] > new_max[r] ? p[j][r] : new_max[r];
        }
    }
    UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
    {
        // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
        base[r] = select(new_max[r], (lanes_float)(0.0f), new_max[r] == -INFINITY);
        rescale[r] = exp2_lanes(${power(row_max[r], base[r])});
        row_max[r] = new_max[r];
        sum[r] = row_sum[r] * rescale[r];
    }
    #pragma unroll 2
    for (int j = 0; j < key_count; j++)
    {
        UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
        {
            const lanes_float weight = exp2_lanes(${power(p[j][r], base[r])});
            sum[r] += weight;
            //: if scales_tokens
            p[j][r] = weight * value_scale[j];
            //: else
            p[j][r] = weight;
            //: end
        }
    }
    UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
    {
        row_sum[r] = sum[r];
    }

    //: # Probabilities times values, added to the outputs.
    //: if latent
    ${tile_float}* value_rows = key_rows; // values are the first elements of keys
    //: elif in_place
    ${tile_float}* value_rows = values + value_row(sequence, kv_head, first_key, ${addressing});
    //: else
    //: include prefill#convert_rows(kind: value, dim: VALUE_DIM, whole: ${value_whole}, rest: ${value_rest})
    ${tile_float}* value_rows = tile;
    //: end
    for (int c = 0; c + AT_ONCE <= VALUE_DIM; c += AT_ONCE)
    {
        //: if !in_place
        for (int j = c * KEYS / VALUE_DIM; j < (c + AT_ONCE) * KEYS / VALUE_DIM; j++)
        {
            const int key = min(first_key + KEYS + j, work.kv_end - 1);
            prefetch_row(keys + key_row(sequence, kv_head, key, ${addressing}), ${row_length(HEAD_DIM)} * sizeof(${cache}));
        }
        //: end
        //: include prefill#multiply_values(count: AT_ONCE)
    }
    //: if leaves_columns
#if VALUE_DIM % AT_ONCE > 0
    {
        const int c = VALUE_DIM / AT_ONCE * AT_ONCE; // the columns that are left
        //: include prefill#multiply_values(count: VALUE_DIM % AT_ONCE)
    }
#endif
    //: end
}

//: # States and LSEs, then the outputs; rows with something that is not finite are calculated again.
float factors[ROWS]; // of what each row accumulated
lanes_float log_sum[ROW_VECTORS];
UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
{
    log_sum[r] = log(row_sum[r]);
}
lanes_float poison[ROW_VECTORS]; // NaN where something that a row accumulated is not finite: its product with 0 is
UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
{
    poison[r] = (lanes_float)(0.0f);
}
for (int c = 0; c < VALUE_DIM; c++)
{
    UNROLLED for (int r = 0; r < ROW_VECTORS; r++)
    {
        poison[r] = fma(output[c][r], (lanes_float)(0.0f), poison[r]);
    }
}
for (int row = 0; row < work.row_count; row++)
{
    const float maximum = ((const float*)row_max)[row];
    const float sum = ((const float*)row_sum)[row];
    //: include row_factor(row: row, maximum: maximum)
    factors[row] = inverse;
    if (is_final)
    {
        lse[to] = sum == 0.0f ? -INFINITY : ${natural(maximum)} + ((const float*)log_sum)[row];
    }
    else
    {
        partial_states[to] = (float2)(maximum, sum);
    }
}
for (int r = 0; r < ROW_VECTORS; r++)
{
    //: # Lanes become rows again.
    const int rows = min(16, work.row_count - r * 16);
    //: if value_whole
    //: if value_rest
    for (int c = 0; c < ${value_whole}; c += 16)
    //: else
    for (int c = 0; c < VALUE_DIM; c += 16)
    //: end
    {
        lanes_float x[16];
        UNROLLED for (int i = 0; i < 16; i++)
        {
            x[i] = output[c + i][r];
        }
        transpose(x);
        for (int i = 0; i < rows; i++)
        {
            const int row = r * 16 + i;
            const lanes_float out = x[i] * factors[row];
            if (work.partial_row < 0)
            {
                ${store_16(outputs + packed_row(work, kv_head, row) * VALUE_DIM + c, out)}
            }
            else
            {
                vstore16(out, 0, partial_outputs + ((long)(work.partial_row + row) * KV_HEADS + kv_head) * VALUE_DIM + c);
            }
        }
    }
    //: end
    //: if value_rest
    for (int c = ${value_rest}; c < VALUE_DIM; c++)
    {
        for (int i = 0; i < rows; i++)
        {
            const int row = r * 16 + i;
            const float out = ((const float*)&output[c][r])[i] * factors[row];
            if (work.partial_row < 0)
            {
                ${store(outputs + packed_row(work, kv_head, row) * VALUE_DIM + c, out)}
            }
            else
            {
                partial_outputs[((long)(work.partial_row + row) * KV_HEADS + kv_head) * VALUE_DIM + c] = out;
            }
        }
    }
    //: end
}
for (int row = 0; row < work.row_count; row++)
{
    //: include exact_row(row: row, is_needed: isnan(((const float*)poison)[row]))
}
//: section convert_rows
//: # The tile's keys or values become float32. Holes: kind, key or value; dim, whole, rest of its row.
for (int j = 0; j < key_count; j++)
{
    global const ${cache}* from = ${kind}s + ${kind}_row(sequence, kv_head, first_key + j, ${addressing});
    //: if whole
    for (int d = 0; d < ${whole}; d += 16)
    {
        vstore16(${load_cached_vector(16, from, d)}, 0, tile + j * ${dim} + d);
    }
    //: end
    //: if rest
    for (int d = ${rest}; d < ${dim}; d++)
    {
        tile[j * ${dim} + d] = ${load_cached(from, d)};
    }
    //: end
}
//: section multiply_keys
//: # Scores of keys from j on with the vectors of rows from b on, summed in registers. Holes: count, of the keys; first, of the vectors
//: # that see any; start, of the sum of vector r; hints: whether the rows that are read next are hinted at, or empty. Hints are spread
//: # over the products: memory takes so many at a time.
lanes_float sum[${count}][VECTORS_AT_ONCE];
UNROLLED for (int i = 0; i < ${count}; i++)
{
    UNROLLED for (int r = 0; r < VECTORS_AT_ONCE; r++)
    {
        sum[i][r] = (lanes_float)(${start});
    }
}
//: if hints and in_place
global const float* next_k = k + ${count} * HEAD_DIM;
//: if !latent
global const float* v = values + value_row(sequence, kv_head, first_key + j, ${addressing});
//: end
for (int line = 0; line < HEAD_DIM; line += LINE)
{
    UNROLLED for (int i = 0; i < ${count}; i++)
    {
        prefetch_row(next_k + i * HEAD_DIM + line, LINE * sizeof(float));
        //: if !latent and values_are_shorter
        prefetch_row(v + i * VALUE_DIM + min(line, VALUE_DIM - 1), LINE * sizeof(float));
        //: elif !latent
        prefetch_row(v + i * VALUE_DIM + line, LINE * sizeof(float));
        //: end
    }
    #pragma unroll 4
    //: if key_rest
    for (int d = line; d < min(line + LINE, HEAD_DIM); d++)
    //: else
    for (int d = line; d < line + LINE; d++)
    //: end
    {
        UNROLLED for (int i = 0; i < ${count}; i++)
        {
            UNROLLED for (int r = ${first}; r < VECTORS_AT_ONCE; r++)
            {
                sum[i][r] = fma(query[d][b + r], (lanes_float)(k[i * HEAD_DIM + d]), sum[i][r]);
            }
        }
    }
}
//: else
//: if hints and !latent
for (int i = 0; i < ${count}; i++)
{
    prefetch_row(values + value_row(sequence, kv_head, first_key + j + i, ${addressing}), ${row_length(VALUE_DIM)} * sizeof(${cache}));
}
//: end
#pragma unroll 4
for (int d = 0; d < HEAD_DIM; d++)
{
    UNROLLED for (int i = 0; i < ${count}; i++)
    {
        UNROLLED for (int r = ${first}; r < VECTORS_AT_ONCE; r++)
        {
            sum[i][r] = fma(query[d][b + r], (lanes_float)(k[i * HEAD_DIM + d]), sum[i][r]);
        }
    }
}
//: end
UNROLLED for (int i = 0; i < ${count}; i++)
{
    UNROLLED for (int r = 0; r < VECTORS_AT_ONCE; r++)
    {
        p[j + i][b + r] = sum[i][r];
    }
}
//: section multiply_values
//: # Columns of the output from c on, summed in registers over the tile's keys. Hole: count, of the columns.
${tile_float}* v = value_rows + c;
for (int b = 0; b < ROW_VECTORS; b += VECTORS_AT_ONCE)
{
    lanes_float sum[${count}][VECTORS_AT_ONCE];
    UNROLLED for (int i = 0; i < ${count}; i++)
    {
        UNROLLED for (int r = 0; r < VECTORS_AT_ONCE; r++)
        {
            sum[i][r] = output[c + i][b + r] * rescale[b + r];
        }
    }
    //: if leaves_out_hidden
    int j = 0;
    UNROLLED for (int first = 0; first < VECTORS_AT_ONCE; first++)
    {
        #pragma unroll 2
        for (; j < seen[b + first]; j++)
        {
            UNROLLED for (int i = 0; i < ${count}; i++)
            {
                UNROLLED for (int r = first; r < VECTORS_AT_ONCE; r++)
                {
                    sum[i][r] = fma(p[j][b + r], (lanes_float)(v[j * ${value_stride} + i]), sum[i][r]);
                }
            }
        }
    }
    //: else
    #pragma unroll 2
    for (int j = 0; j < key_count; j++)
    {
        UNROLLED for (int i = 0; i < ${count}; i++)
        {
            UNROLLED for (int r = 0; r < VECTORS_AT_ONCE; r++)
            {
                sum[i][r] = fma(p[j][b + r], (lanes_float)(v[j * ${value_stride} + i]), sum[i][r]);
            }
        }
    }
    //: end
    UNROLLED for (int i = 0; i < ${count}; i++)
    {
        UNROLLED for (int r = 0; r < VECTORS_AT_ONCE; r++)
        {
            output[c + i][b + r] = sum[i][r];
        }
    }
}
