// Few tokens, at most 8 · TILES, and weights in groups: a work-group has STRIPS strips of rows, whose columns its warps share. A group's products are
// added up before its scale multiplies them. Set by the host:
//   STRIPS, WARPS         strips of a work-group, and its warps
//   SHARED                columns that x may have where its parts are made once for all warps, of one or two tokens; 0: each warp makes its own
//   TILES                 eights of tokens; more than one are of FRAGMENTS
//   FRAGMENTS             x are parts that split_blocks made, in the order of fragments: [units, TILES, 4, 32]
//   X_TYPE                0: float32, 1: bfloat16
//   NORM                  x is first divided by its root mean square and multiplied by norm_weight
//   GATED                 rows r and rows / 2 + r are a gate and its value: y has activation(gate) · value, rows / 2 a token; two strips
//   EXPERTS               0: one matrix; 1: a matrix for each slot, experts[slot]; 2: tiles of slots that share a matrix (expert_order.cl)
static float sum_of_warp(float own)
{
    #pragma unroll
    for (int distance = 1; distance < 32; distance *= 2)
    {
        uint other;
        asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(other) : "r"(as_uint(own)), "r"(distance));
        own += as_float(other);
    }
    return own;
}

// Of numbers none of which is negative.
static float most_of_warp(float own)
{
    uint most;
    asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;" : "=r"(most) : "r"(as_uint(own)));
    return as_float(most);
}

static float4 four_of(global const void* x, size_t at)
{
#if X_TYPE == 0
    return *(global const float4*)((global const float*)x + at);
#else
    return as_float4(convert_uint4(*(global const ushort4*)((global const ushort*)x + at)) << 16);
#endif
}

#if NORM
#define FOUR_WEIGHTS(i) *(global const float4*)(norm_weight + (i) * 4)
#else
#define FOUR_WEIGHTS(i) 1.0f
#endif
#if CODE == E4M3 && ELEMENT
#define IN_ORDER(v) (v).s0213
#else
#define IN_ORDER(v) (v)
#endif

// Four numbers as two pairs near them and two of what is left.
static uint4 parts_of(float4 given)
{
    const float4 v = IN_ORDER(given);
    const uint2 near = (uint2)(pack(v.s0, v.s1), pack(v.s2, v.s3));
    const float4 rest = v - (float4)(unpack(near.s0), unpack(near.s1));
    return (uint4)(near, pack(rest.s0, rest.s1), pack(rest.s2, rest.s3));
}

kernel __attribute__((reqd_work_group_size(32 * WARPS, 1, 1)))
void linear_few(
    global const void* restrict x,            // [tokens, columns]
    global const uchar* restrict w,           // [rows, columns], in units
    global const float* restrict bias,        // [rows]; not read without BIAS
    global float* y,                          // [tokens, rows], or gated [tokens, rows / 2]
    global const float* restrict norm_weight, // [columns]; not read without NORM
    float epsilon,
    int columns,
    int rows,
    int tokens,
    int flags,
    int activation TILE_ARGUMENTS)
{
    local float partial[WARPS][STRIPS * TILES * 128];
    local float squares[WARPS][8];
    local float largest_of[WARPS], x_scales[2];
    const int lane = get_local_id(0) % 32, warp = get_local_id(0) / 32, g = lane / 4, t = lane % 4;
    const int units = (columns + 63) / 64, strip_count = (rows + STRIP_ROWS - 1) / STRIP_ROWS;
    TAKE_TILE(w, bias, unit_matrix(rows, columns), rows, tokens)
    const size_t own = (size_t)X_ROW(min(g, tokens - 1)) * columns;
    global const uint4* codes[STRIPS];
    size_t strips[STRIPS];
    float4 sum[STRIPS][TILES];
    #pragma unroll
    for (int s = 0; s < STRIPS; s++)
    {
#if GATED
        strips[s] = s * (rows / 32) + get_group_id(0);
#else
        strips[s] = min((int)get_group_id(0) * STRIPS + s, strip_count - 1);
#endif
        codes[s] = (global const uint4*)w + strips[s] * units * (32 * CODE_LOADS) + lane;
        #pragma unroll
        for (int j = 0; j < TILES; j++)
        {
            sum[s][j] = (float4)(0.0f);
        }
    }
    global const uchar* const scales = w + unit_codes(rows, columns);
    uint4 a[STRIPS][CODE_LOADS];
    factors_t scale[STRIPS];
#if MINIMUM
    factors_t minimum[STRIPS];
#define LOAD_MINIMUM(s, unit, minimum) minimum[s] = factors_at(scales + unit_factors(rows, columns), strips[s], unit, rows, columns, g);
#else
#define LOAD_MINIMUM(s, unit, minimum)
#endif
#define LOAD_STRIP(s, unit, a, scale, minimum) \
    _Pragma("unroll") \
    for (int i = 0; i < CODE_LOADS; i++) \
    { \
        a[s][i] = stream(codes[s] + ((unit) * CODE_LOADS + i) * 32); \
    } \
    scale[s] = factors_at(scales, strips[s], unit, rows, columns, g); \
    LOAD_MINIMUM(s, unit, minimum)
    #pragma unroll
    for (int s = 0; s < STRIPS; s++)
    {
        LOAD_STRIP(s, min(warp, units - 1), a, scale, minimum)
    }
    float square = 0.0f;
#if SHARED
    local uint4 shared_x[SHARED / 4]; // [tokens, columns / 4]: four numbers' parts
    for (int token = 0; token < tokens; token++)
    {
        const size_t from = (size_t)X_ROW(token) * columns;
        float largest = 0.0f;
        square = 0.0f;
#if NORM || ELEMENT
        for (int i = get_local_id(0); i < columns / 4; i += 32 * WARPS)
        {
            const float4 v = four_of(x, from + i * 4);
            const float4 v2 = v * v, weighted = fabs(v * FOUR_WEIGHTS(i));
            square += (v2.s0 + v2.s1) + (v2.s2 + v2.s3);
            largest = fmax(largest, fmax(fmax(weighted.s0, weighted.s1), fmax(weighted.s2, weighted.s3)));
        }
        square = sum_of_warp(square);
        largest = most_of_warp(largest);
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane == 0)
        {
            squares[warp][token] = square;
            largest_of[warp] = largest;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
        float factor = 1.0f;
#if ELEMENT
        for (int k = 0; k < WARPS; k++)
        {
            largest = fmax(largest, largest_of[k]);
        }
        // The largest becomes 2^12 or more: sums of products stay far from both ends of the range.
        const uint exponent = clamp(as_uint(largest) >> 23, 13u, 240u) - 12u;
        factor = as_float((254u - exponent) << 23);
        x_scales[token] = as_float(exponent << 23);
#endif
        for (int i = get_local_id(0); i < units * 16; i += 32 * WARPS)
        {
            float4 v = i * 4 < columns ? four_of(x, from + i * 4) * FOUR_WEIGHTS(i) * factor : (float4)(0.0f);
            shared_x[token * units * 16 + i] = parts_of(v);
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    local const uint4* const own_x = shared_x + min(g, tokens - 1) * units * 16 + t;
#endif
    for (int unit = warp; unit < units; unit += WARPS)
    {
        const bool has_next = unit + WARPS < units;
#if STRIPS == 1
        // With more strips, one's products hide the loads of another.
        uint4 next[1][CODE_LOADS];
        factors_t next_scale[1];
#if MINIMUM
        factors_t next_minimum[1];
#endif
        if (has_next)
        {
            LOAD_STRIP(0, unit + WARPS, next, next_scale, next_minimum)
        }
#endif
        // The parts of x, of 16 columns at a time.
        uint4 parts[TILES][4];
        #pragma unroll
        for (int step = 0; step < 4; step++)
        {
#if FRAGMENTS
            #pragma unroll
            for (int j = 0; j < TILES; j++)
            {
                parts[j][step] = ((global const uint4*)x)[((unit * TILES + j) * 4 + step) * 32 + lane];
            }
#elif SHARED
            parts[0][step] = own_x[unit * 16 + step * 4];
#else
            const int column = unit * 64 + step * 16 + t * 4;
            float4 v = column < columns ? four_of(x, own + column) : (float4)(0.0f);
#if NORM
            const float4 v2 = v * v;
            square += (v2.s0 + v2.s1) + (v2.s2 + v2.s3);
            v *= column < columns ? FOUR_WEIGHTS(column / 4) : (float4)(0.0f);
#endif
            parts[0][step] = parts_of(v);
#endif
        }
#if MINIMUM
        // The sums of x's columns: products with ones.
        float4 ones[SUBS][TILES];
        #pragma unroll
        for (int step = 0; step < 4; step++)
        {
            #pragma unroll
            for (int j = 0; j < TILES; j++)
            {
                const uint one = 0x3F803F80;
                const int sub = step * SUBS / 4;
                ones[sub][j] = mma(one, one, one, one, parts[j][step].s2, parts[j][step].s3, step == sub * 4 / SUBS ? (float4)(0.0f) : ones[sub][j]);
                ones[sub][j] = mma(one, one, one, one, parts[j][step].s0, parts[j][step].s1, ones[sub][j]);
            }
        }
#endif
        #pragma unroll
        for (int s = 0; s < STRIPS; s++)
        {
            float4 products[TILES];
            #pragma unroll
            for (int step = 0; step < 4; step++)
            {
                const int sub = step * SUBS / 4;
                const uint4 f = fragment(a[s], step);
                #pragma unroll
                for (int j = 0; j < TILES; j++)
                {
                    const uint4 part = parts[j][step];
                    products[j] = mma(f.s0, f.s1, f.s2, f.s3, part.s2, part.s3, step == sub * 4 / SUBS ? (float4)(0.0f) : products[j]);
                    products[j] = mma(f.s0, f.s1, f.s2, f.s3, part.s0, part.s1, products[j]);
                }
                if (step + 1 == (sub + 1) * 4 / SUBS)
                {
                    const float above = factor_of(scale[s], sub, 0), below = factor_of(scale[s], sub, 1);
#if MINIMUM
                    const float least = factor_of(minimum[s], sub, 0), least_below = factor_of(minimum[s], sub, 1);
#endif
                    #pragma unroll
                    for (int j = 0; j < TILES; j++)
                    {
                        sum[s][j] = fma(products[j], (float4)(above, above, below, below), sum[s][j]);
#if MINIMUM
                        sum[s][j] = fma(ones[sub][j], (float4)(least, least, least_below, least_below), sum[s][j]);
#endif
                    }
                }
            }
#if STRIPS > 1
            if (has_next)
            {
                LOAD_STRIP(s, unit + WARPS, a, scale, minimum)
            }
#endif
        }
#if STRIPS == 1
        #pragma unroll
        for (int i = 0; i < CODE_LOADS; i++)
        {
            a[0][i] = next[0][i];
        }
        scale[0] = next_scale[0];
#if MINIMUM
        minimum[0] = next_minimum[0];
#endif
#endif
    }
#if NORM && !SHARED && !FRAGMENTS
    uint other;
    #pragma unroll
    for (int distance = 1; distance < 4; distance *= 2)
    {
        asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(other) : "r"(as_uint(square)), "r"(distance));
        square += as_float(other);
    }
    if (t == 0)
    {
        squares[warp][g] = square;
    }
#endif
    #pragma unroll
    for (int s = 0; s < STRIPS; s++)
    {
        #pragma unroll
        for (int j = 0; j < TILES; j++)
        {
            local float* const to = partial[warp] + (s * TILES + j) * 128 + t * 32 + g; // [strip][token][row]
            to[0] = sum[s][j].s0;
            to[16] = sum[s][j].s1;
            to[8] = sum[s][j].s2;
            to[24] = sum[s][j].s3;
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    const int width = GATED ? rows / 2 : rows;
    for (int place = get_local_id(0); place < (GATED ? 1 : STRIPS) * TILES * 128; place += 32 * WARPS)
    {
        const int token = place % (TILES * 128) / 16;
        const int r = (GATED ? (int)get_group_id(0) : (int)get_group_id(0) * STRIPS + place / (TILES * 128)) * 16 + place % 16;
        if (token >= tokens || r >= width)
        {
            continue;
        }
        float factor = 1.0f, sums = 0.0f;
#if NORM && !FRAGMENTS
        float mean = 0.0f;
        #pragma unroll
        for (int k = 0; k < WARPS; k++)
        {
            mean += squares[k][token];
        }
        factor = 1.0f / sqrt(mean / columns + epsilon);
#endif
#if ELEMENT && SHARED
        factor *= x_scales[token];
#endif
#if GATED
        float values = 0.0f;
#endif
        #pragma unroll
        for (int k = 0; k < WARPS; k++)
        {
            sums += partial[k][place];
#if GATED
            values += partial[k][place + TILES * 128];
#endif
        }
        const size_t at = (size_t)Y_ROW(token) * width + r;
#if GATED
        sums = sums * factor + (flags & BIAS ? bias[r] : 0.0f);
        values = values * factor + (flags & BIAS ? bias[width + r] : 0.0f);
        y[at] = activate(sums, activation) * values;
#else
        y[at] = total(sums * factor, bias, y, at, r, flags);
#endif
    }
}
