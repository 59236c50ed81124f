// Draws the tokens that come next from the logits of a step. The host sets ITEMS, a power of two up to BINS: the work-items of a group.
//
// Weights are exp((logit − the greatest logit) / temperature) in fixed point of WEIGHT_BITS bits. Their sums do not depend on the order of
// additions, so that a draw can be repeated. Those below 2^-WEIGHT_BITS are 0: all of them together are less likely than 1e-6.
#define WEIGHT_BITS 40
#define BINS 1024
#define LOG_BINS 10

// exp(-FARTHEST) is less than 2^-WEIGHT_BITS.
#define FARTHEST 28.0f

// What `drawn` has instead of a token.
#define NOT_A_NUMBER -1
#define ALL_IMPOSSIBLE -2

// logit = (logit > 0 ? logit / penalty : logit * penalty) + bias, for some logits. One work-item each.
kernel void change_logits(
    global float *restrict logits,       // [rows, vocabulary]
    global const int *restrict changes,  // [count, (row, token, penalty, bias)]; the latter two are floats
    int changes_at,
    int count,
    int vocabulary)
{
    int i = (int)get_global_id(0);
    if (i >= count)
    {
        return;
    }

    int4 change = vload4(i, changes + changes_at);
    if (change.y >= vocabulary)
    {
        return;
    }

    size_t at = (size_t)change.x * vocabulary + change.y;
    float logit = logits[at];
    float penalty = as_float(change.z);
    logits[at] = (logit > 0 ? logit / penalty : logit * penalty) + as_float(change.w);
}

// Makes tokens impossible. One work-item an element of a row that has a mask.
kernel void mask_logits(
    global float *restrict logits,       // [rows, vocabulary]
    global const int *restrict masks,    // [masks, 1 + (vocabulary + 31) / 32]: the row, and a bit for each token that may come
    int masks_at,
    int count,
    int vocabulary)
{
    int words = (vocabulary + 31) / 32;
    size_t element = get_global_id(0);
    int mask = (int)(element / vocabulary);
    int token = (int)(element % vocabulary);
    if (mask >= count)
    {
        return;
    }

    global const int *own = masks + masks_at + (size_t)mask * (1 + words);
    size_t at = (size_t)own[0] * vocabulary + token;
    if (!(own[1 + token / 32] >> (token % 32) & 1) && !isnan(logits[at]))
    {
        logits[at] = -INFINITY;
    }
}

// The greatest logit of each part of each row, and the first token that has it; not a number if one is not. A group a part.
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void row_maxima(
    global const float *restrict logits, // [rows, vocabulary]
    global float *restrict maxima,       // [rows, parts]
    global int *restrict places,         // [rows, parts]
    int vocabulary,
    int parts)
{
    local float best[ITEMS];
    local int place[ITEMS];
    int item = (int)get_local_id(0);
    int row = (int)get_group_id(0) / parts;
    int part = (int)get_group_id(0) % parts;
    int length = (vocabulary + parts - 1) / parts;
    int end = min((part + 1) * length, vocabulary);
    global const float *own = logits + (size_t)row * vocabulary;
    float greatest = -INFINITY;
    int first = min(part * length, vocabulary - 1);
    for (int token = part * length + item; token < end; token += ITEMS)
    {
        float logit = own[token];
        if (logit > greatest || (isnan(logit) && !isnan(greatest)))
        {
            greatest = logit;
            first = token;
        }
    }

    best[item] = greatest;
    place[item] = first;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int distance = ITEMS / 2; distance > 0; distance /= 2)
    {
        if (item < distance)
        {
            float other = best[item + distance];
            int other_place = place[item + distance];
            if (!isnan(best[item]) && (other > best[item] || isnan(other) || (other == best[item] && other_place < place[item])))
            {
                best[item] = other;
                place[item] = other_place;
            }
        }

        barrier(CLK_LOCAL_MEM_FENCE);
    }

    if (item == 0)
    {
        maxima[get_group_id(0)] = best[0];
        places[get_group_id(0)] = place[0];
    }
}

// The likeliest token of each row, or why there is none. One work-item a row.
kernel void take_likeliest(
    global const float *restrict maxima, // [rows, parts], as row_maxima gives them
    global const int *restrict places,   // [rows, parts]
    global float *restrict greatest,     // [rows]
    global int *restrict drawn,          // [rows]
    int parts,
    int rows)
{
    int row = (int)get_global_id(0);
    if (row >= rows)
    {
        return;
    }

    float best = -INFINITY;
    int likeliest = 0;
    for (int part = 0; part < parts; part++)
    {
        float own = maxima[row * parts + part];
        if (own > best || (isnan(own) && !isnan(best)))
        {
            best = own;
            likeliest = places[row * parts + part];
        }
    }

    greatest[row] = best;
    drawn[row] = isnan(best) ? NOT_A_NUMBER : best == -INFINITY ? ALL_IMPOSSIBLE : likeliest;
}

// A row of logits, relative to its greatest.
typedef struct
{
    global const float *logits;
    int vocabulary;
    float greatest;
    float scale;       // 1 / temperature
} row_t;

// What is kept of a row: logits of keys over the bound, and the first so many at it.
typedef struct
{
    uint key;
    uint ties;
    ulong weight;      // of all that is kept
} bound_t;

// The bins of logits between two others: how many, and what they weigh.
typedef struct
{
    uint counts[BINS];
    uint low[BINS];
    uint high[BINS];
    ulong sums[ITEMS];
    uint least_key;
    uint greatest_key;
    int bin;
    uint count_before;
    ulong weight_before;
} bins_t;

// Greater for greater logits; 0 and -0 are the same.
uint key_of(float logit)
{
    uint bits = as_uint(logit + 0.0f);
    return bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
}

float logit_of(uint key)
{
    return as_float(key ^ (key >> 31 ? 0x80000000u : 0xffffffffu));
}

ulong weight_of(const row_t *row, float logit)
{
    return convert_ulong(exp((logit - row->greatest) * row->scale) * (float)(1ul << WEIGHT_BITS));
}

// The first bin has the greatest logits, the last one all that are too far to weigh anything.
int bin_of(const row_t *row, float logit)
{
    return (int)fmin((row->greatest - logit) * row->scale * (BINS / FARTHEST), (float)(BINS - 1));
}

ulong part_of(ulong whole, uint fraction)
{
    return (whole >> 32) * fraction + ((whole & 0xffffffffu) * fraction >> 32);
}

// The sums of the values of all work-items before this one, of the first so many, and of all.
ulong sum_before(local ulong *sums, ulong value, ulong *all)
{
    int item = (int)get_local_id(0);
    sums[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int distance = 1; distance < ITEMS; distance *= 2)
    {
        ulong other = item >= distance ? sums[item - distance] : 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        sums[item] += other;
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    ulong before = sums[item] - value;
    *all = sums[ITEMS - 1];
    barrier(CLK_LOCAL_MEM_FENCE);
    return before;
}

void clear_bins(local bins_t *bins)
{
    for (int bin = (int)get_local_id(0); bin < BINS; bin += ITEMS)
    {
        bins->counts[bin] = 0;
        bins->low[bin] = 0;
        bins->high[bin] = 0;
    }

    barrier(CLK_LOCAL_MEM_FENCE);
}

void add_to_bin(local bins_t *bins, int bin, uint count, ulong weight)
{
    uint low = (uint)weight;
    uint high = (uint)(weight >> 32);
    atomic_add(&bins->counts[bin], count);
    if (low != 0 && atomic_add(&bins->low[bin], low) > 0xffffffffu - low)
    {
        high++;
    }

    if (high != 0)
    {
        atomic_add(&bins->high[bin], high);
    }
}

// The bin in which so many logits are reached, or so much weight if no count is given.
void find_bin(local bins_t *bins, uint count, ulong weight)
{
    int item = (int)get_local_id(0);
    int each = BINS / ITEMS;
    barrier(CLK_LOCAL_MEM_FENCE);
    ulong own_count = 0, own_weight = 0, all;
    uint counted = bins->count_before;
    ulong weighed = bins->weight_before;
    for (int i = 0; i < each; i++)
    {
        int bin = item * each + i;
        own_count += bins->counts[bin];
        own_weight += ((ulong)bins->high[bin] << 32) + bins->low[bin];
    }

    ulong count_before = counted + sum_before(bins->sums, own_count, &all);
    ulong weight_before = weighed + sum_before(bins->sums, own_weight, &all);
    for (int i = 0; i < each; i++)
    {
        int bin = item * each + i;
        ulong next_count = count_before + bins->counts[bin];
        ulong next_weight = weight_before + ((ulong)bins->high[bin] << 32) + bins->low[bin];
        if (count > 0 ? count_before < count && count <= next_count : weight_before < weight && weight <= next_weight)
        {
            bins->bin = bin;
            bins->count_before = (uint)count_before;
            bins->weight_before = weight_before;
        }

        count_before = next_count;
        weight_before = next_weight;
    }

    barrier(CLK_LOCAL_MEM_FENCE);
}

// How far the likeliest so many logits reach, or those that weigh so much together if no count is given. There are as many, or as heavy.
bound_t find_bound(const row_t *row, local bins_t *bins, uint count, ulong weight)
{
    int item = (int)get_local_id(0);
    clear_bins(bins);
    if (item == 0)
    {
        bins->count_before = 0;
        bins->weight_before = 0;
        bins->least_key = 0xffffffffu;
        bins->greatest_key = 0;
    }

    uint far = 0;
    for (int token = item; token < row->vocabulary; token += ITEMS)
    {
        float logit = row->logits[token];
        int bin = bin_of(row, logit);
        if (bin == BINS - 1)
        {
            // Mostly weightless, and often most of the vocabulary: counted apart, so as not to be counted one after the other.
            far++;
            ulong own = weight_of(row, logit);
            if (own > 0)
            {
                add_to_bin(bins, bin, 0, own);
            }
        }
        else
        {
            add_to_bin(bins, bin, 1, weight_of(row, logit));
        }
    }

    add_to_bin(bins, BINS - 1, far, 0);
    find_bin(bins, count, weight);

    // The keys in that bin.
    int coarse = bins->bin;
    for (int token = item; token < row->vocabulary; token += ITEMS)
    {
        float logit = row->logits[token];
        if (bin_of(row, logit) == coarse)
        {
            atomic_min(&bins->least_key, key_of(logit));
            atomic_max(&bins->greatest_key, key_of(logit));
        }
    }

    barrier(CLK_LOCAL_MEM_FENCE);
    uint least = bins->least_key;
    uint greatest = bins->greatest_key;
    int shift;
    do
    {
        shift = max(0, 32 - LOG_BINS - (int)clz(greatest - least));
        clear_bins(bins);
        for (int token = item; token < row->vocabulary; token += ITEMS)
        {
            float logit = row->logits[token];
            uint key = key_of(logit);
            if (key >= least && key <= greatest)
            {
                add_to_bin(bins, (int)((greatest - key) >> shift), 1, weight_of(row, logit));
            }
        }

        find_bin(bins, count, weight);
        greatest -= (uint)bins->bin << shift;
        least = max(least, greatest - ((1u << shift) - 1));
    }
    while (shift > 0);

    bound_t bound;
    bound.key = greatest;
    ulong each = weight_of(row, logit_of(greatest));
    bound.ties = count > 0 ? count - bins->count_before : (uint)((weight - bins->weight_before + each - 1) / each);
    bound.weight = bins->weight_before + bound.ties * each;
    barrier(CLK_LOCAL_MEM_FENCE);
    return bound;
}

// Draws a token in a row: each work-item has tokens side by side.
void draw_token(const row_t *row, local bins_t *bins, global const int *draw, global int *drawn)
{
    int item = (int)get_local_id(0);
    int each = (row->vocabulary + ITEMS - 1) / ITEMS;
    int begin = min(item * each, row->vocabulary);
    int end = min(begin + each, row->vocabulary);

    bound_t bound;
    bound.key = 0;
    bound.ties = 0;
    uint top = (uint)draw[1];
    if (top > 0 && top < (uint)row->vocabulary)
    {
        bound = find_bound(row, bins, top, 0);
    }

    uint probability = (uint)draw[2];
    if (probability > 0)
    {
        if (bound.key == 0)
        {
            ulong own = 0;
            for (int token = item; token < row->vocabulary; token += ITEMS)
            {
                own += weight_of(row, row->logits[token]);
            }

            sum_before(bins->sums, own, &bound.weight);
        }

        bound = find_bound(row, bins, 0, max(part_of(bound.weight, probability), 1ul));
    }

    ulong least = convert_ulong(as_float(draw[3]) * (float)(1ul << WEIGHT_BITS));
    ulong own = 0;
    ulong ties = 0;
    for (int token = begin; token < end; token++)
    {
        float logit = row->logits[token];
        uint key = key_of(logit);
        ulong weight = weight_of(row, logit);
        own += key > bound.key && weight >= least ? weight : 0;
        ties += key == bound.key;
    }

    // Which of the logits at the bound are kept depends on how many come before.
    ulong all;
    ulong ties_before = sum_before(bins->sums, ties, &all);
    ulong tied = weight_of(row, logit_of(bound.key));
    tied = bound.ties > 0 && tied >= least ? tied : 0;
    ulong kept = ties_before < bound.ties ? min(ties, bound.ties - ties_before) : 0;
    own += kept * tied;
    ulong before = sum_before(bins->sums, own, &all);
    ulong wanted = part_of(all, (uint)draw[4]);
    if (wanted < before || wanted - before >= own)
    {
        return;
    }

    ulong rest = wanted - before;
    for (int token = begin; token < end; token++)
    {
        float logit = row->logits[token];
        uint key = key_of(logit);
        ulong weight = 0;
        if (key > bound.key)
        {
            weight = weight_of(row, logit);
            weight = weight >= least ? weight : 0;
        }
        else if (key == bound.key && kept > 0)
        {
            weight = tied;
            kept--;
        }

        if (rest < weight)
        {
            *drawn = token;
            return;
        }

        rest -= weight;
    }
}

// Draws a token in each row whose temperature is not 0. A group a row. What is settled already is left so by a row without tokens, not by
// an end before the barriers, which PoCL 3.1 makes the end of all that comes after.
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void draw_tokens(
    global const float *restrict logits,   // [rows, vocabulary]
    global const float *restrict greatest, // [rows], as take_likeliest gives them
    global const int *restrict draws,      // [rows, (1 / temperature or 0, top-k or 0, top-p · 2^32 or 0, min-p, the draw · 2^32)]
    int draws_at,
    global int *restrict drawn,            // [rows], as take_likeliest gives them
    int vocabulary)
{
    local bins_t bins;
    int index = (int)get_group_id(0);
    global const int *draw = draws + draws_at + index * 5;
    row_t row;
    row.logits = logits + (size_t)index * vocabulary;
    row.greatest = greatest[index];
    row.scale = as_float(draw[0]);
    row.vocabulary = row.scale == 0 || isnan(row.greatest) || isinf(row.greatest) ? 0 : vocabulary;
    draw_token(&row, &bins, draw, drawn + index);
}
