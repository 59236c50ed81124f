// The parts of tokens: near, and behind all of it left. A token is one work-group's, or several's. Set by the host:
//   X_TYPE  0: float32, 1: the weights' own type
//   NORM    x is first divided by its root mean square and multiplied by norm_weight
//   GATED   rows of x are a gate and its value, [2, columns]: activation(gate) · value is split
//   IN_UNITS  1: columns are in the order of weights in units (tensor_codes.cl); 2: parts are fragments (tensor_group_few.cl)
//   EXPERTS   token i of the parts is that of slot order[i], none where it is negative (expert_order.cl)
#define SPLIT_ITEMS 256
#if EXPERTS
#define ORDER_ARGUMENTS , global const int* restrict order, int slots_a_row
#else
#define ORDER_ARGUMENTS
#endif

// Each work-item's number to the one number of all; the same order each time.
static float of_group(float own, int is_sum, local float* all)
{
    const int thread = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    all[thread] = own;
    for (int step = SPLIT_ITEMS / 2; step > 0; step /= 2)
    {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (thread < step)
        {
            all[thread] = is_sum ? all[thread] + all[thread + step] : fmax(all[thread], all[thread + step]);
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return all[0];
}

static float of_eight(float8 v, int is_sum)
{
    const float4 a = is_sum ? v.lo + v.hi : fmax(v.lo, v.hi);
    const float2 b = is_sum ? a.lo + a.hi : fmax(a.lo, a.hi);
    return is_sum ? b.s0 + b.s1 : fmax(b.s0, b.s1);
}

kernel __attribute__((reqd_work_group_size(SPLIT_ITEMS, 1, 1)))
void split_blocks(
    global const void* restrict x,            // [tokens, columns], or [tokens, 2, columns]
    global uint4* restrict near,              // [parts, tokens, columns], in blocks
    global float* restrict scales,            // [tokens], of float16
    global const float* restrict norm_weight, // [columns]; not read without NORM
    float epsilon,
    int columns,
    int tokens,
    int parts,
    int activation ORDER_ARGUMENTS)
{
    local float all[SPLIT_ITEMS];
    const int chunks = get_num_groups(0) / tokens, token = get_group_id(0) / chunks, thread = get_local_id(0);
#if EXPERTS
    if (order[token] < 0)
    {
        return;
    }
    const size_t from_row = order[token] / slots_a_row;
#else
    const size_t from_row = token;
#endif
    const int blocks = (columns + 63) / 64, pieces = columns / 8;
    const size_t left = (size_t)((tokens + 63) / 64) * blocks * 512;
#if X_TYPE
    global const uint4* const from = (global const uint4*)x + from_row * pieces;
#define LOAD(i) (float8)(unpack(from[i].s0), unpack(from[i].s1), unpack(from[i].s2), unpack(from[i].s3))
#elif GATED
    global const float* const from = (global const float*)x + from_row * 2 * columns;
#define LOAD(i) activate8(vload8(i, from), activation) * vload8(i, from + columns)
#elif NORM
    global const float* const from = (global const float*)x + from_row * columns;
#define LOAD(i) vload8(i, from) * vload8(i, norm_weight)
#else
    global const float* const from = (global const float*)x + from_row * columns;
#define LOAD(i) vload8(i, from)
#endif
    float factor = 1.0f;
#if NORM
    float square = 0.0f;
    for (int i = thread; i < pieces; i += SPLIT_ITEMS)
    {
        const float8 v = vload8(i, from);
        square += of_eight(v * v, 1);
    }
    factor = 1.0f / sqrt(of_group(square, 1, all) / columns + epsilon);
#endif
#if ELEMENT && !X_TYPE
    float largest = 0.0f;
    for (int i = thread; i < pieces; i += SPLIT_ITEMS)
    {
        largest = fmax(largest, of_eight(fabs(LOAD(i)), 0));
    }
    // The largest becomes 2^12 or more: sums of products stay far from both ends of the range.
    const uint exponent = clamp(as_uint(of_group(largest, 0, all) * factor) >> 23, 13u, 240u) - 12u;
    factor *= as_float((254u - exponent) << 23);
    if (thread == 0)
    {
        scales[token] = as_float(exponent << 23);
    }
#elif ELEMENT
    if (thread == 0)
    {
        scales[token] = 1.0f;
    }
#endif
    for (int i = get_group_id(0) % chunks * SPLIT_ITEMS + thread; i < blocks * 8; i += SPLIT_ITEMS * chunks)
    {
        uint4 h = (uint4)(0), l = (uint4)(0);
        if (i < pieces)
        {
            split(LOAD(i) * factor, &h, &l);
        }
#if IN_UNITS == 2
        const size_t at = ((size_t)(i / 8 * ((tokens + 7) / 8) + token / 8) * 4 + i % 8 / 2) * 32 + token % 8 * 4 + i % 2 * 2;
        near[at] = (uint4)(h.lo, l.lo);
        near[at + 1] = (uint4)(h.hi, l.hi);
#elif IN_UNITS
        // The first four of 16 columns are the first and the third two of a fragment, and so on.
        global uint2* const to = (global uint2*)near;
        const size_t first = piece_at(token, i / 2 * 2, blocks) * 2 + i % 2, second = piece_at(token, i / 2 * 2 + 1, blocks) * 2 + i % 2;
        to[first] = h.even;
        to[second] = h.odd;
        if (parts == 2)
        {
            to[left * 2 + first] = l.even;
            to[left * 2 + second] = l.odd;
        }
#else
        const size_t at = piece_at(token, i, blocks);
        near[at] = h;
        if (parts == 2)
        {
            near[left + at] = l;
        }
#endif
    }
}
