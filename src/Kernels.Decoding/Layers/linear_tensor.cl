// Linear layers by NVIDIA's tensor cores: y[t, r] = x[t] · w[r] (+ bias[r]) (+ y[t, r]) for weights of 16 bits. What is multiplied of x are 16-bit
// parts, one near it and one near what is left, together 16 bits of bfloat16 or 22 of float16; of many tokens the first alone, as the weights
// have no more bits. Set by the host: ELEMENT (0: bfloat16, 1: float16), and which kernel is built, with its numbers.
//
// Weights and the parts of many tokens lie in blocks of 64 rows and 64 columns, 8 KiB each, row after row of blocks. Within a block are rows
// of 128 bytes, whose pieces of 16 bytes are exchanged as wgmma wants them. What fills up blocks is 0 in columns, anything in rows.
#if ELEMENT
#define TYPE "f16"
#else
#define TYPE "bf16"
#endif
#define BIAS 1
#define ACCUMULATE 2

// Of a matrix with so many blocks in a row, the place of 8 columns of a row, in pieces of 16 bytes.
static size_t piece_at(int row, int piece, int blocks)
{
    return ((size_t)(row / 64) * blocks + piece / 8) * 512 + row % 64 * 8 + (piece % 8 ^ row % 8);
}

static float total(float sum, global const float* bias, global const float* y, size_t at, int row, int flags)
{
    sum += flags & BIAS ? bias[row] : 0.0f;
    return sum + (flags & ACCUMULATE ? y[at] : 0.0f);
}

// Two numbers as 16-bit elements in one register, the first in the low half.
static uint pack(float low, float high)
{
    uint packed;
    asm("cvt.rn." TYPE "x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

static float2 unpack(uint packed)
{
#if ELEMENT
    float2 both;
    asm("{ .reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h; }" : "=f"(both.s0), "=f"(both.s1) : "r"(packed));
    return both;
#else
    return (float2)(as_float(packed << 16), as_float(packed & 0xFFFF0000));
#endif
}

static float4 mma(uint a0, uint a1, uint a2, uint a3, uint b0, uint b1, float4 c)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c.s0), "+f"(c.s1), "+f"(c.s2), "+f"(c.s3) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    return c;
}

// Weights are read once.
static uint4 stream(global const uint4* p)
{
    uint4 r;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(r.s0), "=r"(r.s1), "=r"(r.s2), "=r"(r.s3) : "l"(p));
    return r;
}

#if defined(FEW) || defined(SPLIT)
// The fragments of eight numbers: of those next to them, and of what is left.
static void split(float8 v, uint4* near, uint4* left)
{
    *near = (uint4)(pack(v.s0, v.s1), pack(v.s2, v.s3), pack(v.s4, v.s5), pack(v.s6, v.s7));
    const float8 rest = v - (float8)(unpack(near->s0), unpack(near->s1), unpack(near->s2), unpack(near->s3));
    *left = (uint4)(pack(rest.s0, rest.s1), pack(rest.s2, rest.s3), pack(rest.s4, rest.s5), pack(rest.s6, rest.s7));
}

// As the enum Activation: SiLU, GELU, GELU by tanh.
static float activate(float x, int kind)
{
    if (kind == 1)
    {
        return 0.5f * x * (1.0f + erf(x * M_SQRT1_2_F));
    }
    const float z = kind == 2 ? 2.0f * M_2_SQRTPI_F * M_SQRT1_2_F * (x + 0.044715f * x * x * x) : x;
    return x / (1.0f + exp(-z));
}

static float8 activate8(float8 x, int kind)
{
    return (float8)(
        activate(x.s0, kind), activate(x.s1, kind), activate(x.s2, kind), activate(x.s3, kind),
        activate(x.s4, kind), activate(x.s5, kind), activate(x.s6, kind), activate(x.s7, kind));
}
#endif

#ifdef FEW
// Few tokens, at most 8: a work-group has 16 rows, whose columns its warps share. A product sums over columns in any order that both
// factors have: a work-item's 16 bytes of a row are two of its fragments. Set by the host:
//   X_TYPE  as in values.cl: float32, or the weights' own type
//   NORM    x is first divided by its root mean square and multiplied by norm_weight
//   GATED   rows r and rows / 2 + r are a gate and its value: y has activation(gate) · value, rows / 2 a token
#define WARPS 8

#if ELEMENT
// The largest of a warp's numbers, none of which is negative.
static float largest_of_warp(float8 v)
{
    const float4 large = fmax(fabs(v.lo), fabs(v.hi));
    uint most;
    asm volatile("redux.sync.max.u32 %0, %1, 0xffffffff;"
        : "=r"(most) : "r"(as_uint(fmax(fmax(large.s0, large.s1), fmax(large.s2, large.s3)))));
    return as_float(most);
}
#endif

kernel __attribute__((reqd_work_group_size(32 * WARPS, 1, 1)))
void linear_few(
    global const void* restrict x,            // [tokens, columns]
    global const uint4* restrict w,           // [rows, columns], in blocks
    global const float* restrict bias,        // [rows]; not read without BIAS
    global float* y,                          // [tokens, rows], or gated [tokens, rows / 2]
    global const float* restrict norm_weight, // [columns]; not read without NORM
    float epsilon,
    int columns,
    int rows,
    int tokens,
    int flags,
    int activation)
{
    local float partial[WARPS][128];
    local float squares[WARPS][8];
    const int lane = get_local_id(0) % 32, warp = get_local_id(0) / 32, g = lane / 4, t = lane % 4;
    const int pieces = columns / 8, blocks = (columns + 63) / 64;
#if GATED
    const int row = get_group_id(0) * 8, row_a = row + g, row_b = rows / 2 + row + g;
#else
    const int row = get_group_id(0) * 16, row_a = row + g, row_b = row + g + 8;
#endif
    const int own_a = min(row_a, rows - 1), own_b = min(row_b, rows - 1);
    const size_t own = (size_t)min(g, tokens - 1) * pieces;
    float4 sum = (float4)(0.0f);
    float4 second = (float4)(0.0f);
    float square = 0.0f;
#if ELEMENT && X_TYPE == 0
    float scale = 1.0f; // of the sums; x, whose numbers may be beyond float16, is divided by it
#endif
    for (int first = warp * 16; first < pieces; first += WARPS * 16)
    {
        uint4 a[4], c[4];
        #pragma unroll
        for (int u = 0; u < 4; u++)
        {
            const int piece = first + u * 4 + t;
            a[u] = piece < pieces ? stream(w + piece_at(own_a, piece, blocks)) : (uint4)(0);
            c[u] = piece < pieces ? stream(w + piece_at(own_b, piece, blocks)) : (uint4)(0);
        }
        #pragma unroll
        for (int u = 0; u < 4; u++)
        {
            const int piece = first + u * 4 + t;
            const int at = min(piece, pieces - 1);
            uint4 h, l;
#if X_TYPE == 0
            float8 v = (float8)(((global const float4*)x)[(own + at) * 2], ((global const float4*)x)[(own + at) * 2 + 1]);
#if NORM
            const float8 v2 = v * v;
            const float4 v4 = v2.lo + v2.hi;
            square += piece < pieces ? (v4.s0 + v4.s1) + (v4.s2 + v4.s3) : 0.0f;
            v *= vload8(at, norm_weight);
#endif
#if ELEMENT
            const float largest = largest_of_warp(v);
            if (largest > 32768.0f * scale && largest < INFINITY)
            {
                const float after = as_float(((as_uint(largest) >> 23) - 12) << 23);
                sum *= scale / after;
                second *= scale / after;
                scale = after;
            }
            v *= 1.0f / scale;
#endif
            split(v, &h, &l);
            second = mma(a[u].s0, c[u].s0, a[u].s1, c[u].s1, l.s0, l.s1, second);
            second = mma(a[u].s2, c[u].s2, a[u].s3, c[u].s3, l.s2, l.s3, second);
#else
            h = ((global const uint4*)x)[own + at];
#endif
            sum = mma(a[u].s0, c[u].s0, a[u].s1, c[u].s1, h.s0, h.s1, sum);
            sum = mma(a[u].s2, c[u].s2, a[u].s3, c[u].s3, h.s2, h.s3, sum);
        }
    }
    sum += second;
#if ELEMENT && X_TYPE == 0
    sum *= scale;
#endif
#if NORM
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
    local float* const to = partial[warp] + t * 32 + g; // [token][row]
    to[0] = sum.s0;
    to[16] = sum.s1;
    to[8] = sum.s2;
    to[24] = sum.s3;
    barrier(CLK_LOCAL_MEM_FENCE);
    const int thread = get_local_id(0);
#if GATED
    if (thread >= 64)
    {
        return;
    }
    const int token = thread / 8, column = thread % 8, r = row + column, width = rows / 2;
    const int place = token * 16 + column;
#else
    if (thread >= 128)
    {
        return;
    }
    const int token = thread / 16, r = row + thread % 16, width = rows;
    const int place = thread;
#endif
    if (token >= tokens || r >= width)
    {
        return;
    }
    float factor = 1.0f;
#if NORM
    float mean = 0.0f;
    #pragma unroll
    for (int k = 0; k < WARPS; k++)
    {
        mean += squares[k][token];
    }
    factor = 1.0f / sqrt(mean / columns + epsilon);
#endif
    float s = 0.0f;
    #pragma unroll
    for (int k = 0; k < WARPS; k++)
    {
        s += partial[k][place];
    }
    s *= factor;
    const size_t at = (size_t)token * width + r;
#if GATED
    float value = 0.0f;
    #pragma unroll
    for (int k = 0; k < WARPS; k++)
    {
        value += partial[k][place + 8];
    }
    value *= factor;
    s += flags & BIAS ? bias[r] : 0.0f;
    value += flags & BIAS ? bias[width + r] : 0.0f;
    y[at] = activate(s, activation) * value;
#else
    y[at] = total(s, bias, y, at, r, flags);
#endif
}
#endif

#ifdef ARRANGE
// A matrix, row after row, into blocks. A work-item a piece.
kernel void arrange(global const ushort* restrict from, global uint4* restrict to, int columns, int rows)
{
    const int blocks = (columns + 63) / 64;
    const size_t item = get_global_id(0);
    const int row = (int)(item / (blocks * 8)), piece = (int)(item % (blocks * 8));
    if (row >= (rows + 63) / 64 * 64)
    {
        return;
    }
    uint4 elements = (uint4)(0);
    if (row < rows && piece * 8 < columns)
    {
        elements = *(global const uint4*)(from + (size_t)row * columns + piece * 8);
    }
    to[piece_at(row, piece, blocks)] = elements;
}

// output[t, i] = scale · table[ids[t], i], or output[t, i] += that. A work-item an element.
kernel void embed_blocks(
    global const ushort* restrict table, global const int* restrict ids, global float* restrict output, int width, int tokens, float scale,
    int accumulate)
{
    const size_t element = get_global_id(0);
    if (element < (size_t)tokens * width)
    {
        const int column = (int)(element % width);
        const size_t at = piece_at(ids[element / width], column / 8, (width + 63) / 64) * 8 + column % 8;
#if ELEMENT
        const float value = scale * vload_half(at, (global const half*)table);
#else
        const float value = scale * as_float((uint)table[at] << 16);
#endif
        output[element] = accumulate ? output[element] + value : value;
    }
}
#endif

#ifdef SPLIT
// The parts of tokens: near, and behind all of it left. A work-group a token. Set by the host:
//   X_TYPE  0: float32, 1: the weights' own type
//   NORM    x is first divided by its root mean square and multiplied by norm_weight
//   GATED   rows of x are a gate and its value, [2, columns]: activation(gate) · value is split
#define SPLIT_ITEMS 256

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
    int activation)
{
    local float all[SPLIT_ITEMS];
    const int token = get_group_id(0), thread = get_local_id(0);
    const int blocks = (columns + 63) / 64, pieces = columns / 8;
    const size_t left = (size_t)((tokens + 63) / 64) * blocks * 512;
#if X_TYPE
    global const uint4* const from = (global const uint4*)x + (size_t)token * pieces;
#define LOAD(i) (float8)(unpack(from[i].s0), unpack(from[i].s1), unpack(from[i].s2), unpack(from[i].s3))
#elif GATED
    global const float* const from = (global const float*)x + (size_t)token * 2 * columns;
#define LOAD(i) activate8(vload8(i, from), activation) * vload8(i, from + columns)
#elif NORM
    global const float* const from = (global const float*)x + (size_t)token * columns;
#define LOAD(i) vload8(i, from) * vload8(i, norm_weight)
#else
    global const float* const from = (global const float*)x + (size_t)token * columns;
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
    for (int i = thread; i < blocks * 8; i += SPLIT_ITEMS)
    {
        uint4 h = (uint4)(0), l = (uint4)(0);
        if (i < pieces)
        {
            split(LOAD(i) * factor, &h, &l);
        }
        const size_t at = piece_at(token, i, blocks);
        near[at] = h;
        if (parts == 2)
        {
            near[left + at] = l;
        }
    }
}
#endif

#ifdef MANY
// Many tokens by mma.sync, where there is no wgmma: tiles of 128 tokens and 128 rows, 64 columns at a time, three stages of them on their way.
#define SIDE 128
#define STAGES 3
#define STAGE_BYTES (2 * SIDE * 128)
static void copy_16(uint to, global const void* from)
{
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" : : "r"(to), "l"(from));
}

static uint4 ldmatrix_x4(uint address)
{
    uint4 m;
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(m.s0), "=r"(m.s1), "=r"(m.s2), "=r"(m.s3) : "r"(address));
    return m;
}
kernel __attribute__((reqd_work_group_size(128, 1, 1)))
void linear_many(
    global const uint4* restrict x, global const float* restrict scales, global const uint4* restrict w, global const float* restrict bias,
    global float* y, int columns, int rows, int tokens, int flags)
{
    local uint4 memory[STAGES * STAGE_BYTES / 16] __attribute__((aligned(1024)));
    const uint base = (uint)(size_t)memory;
    const int thread = get_local_id(0), lane = thread % 32, warp = thread / 32, warp_m = warp / 2, warp_n = warp % 2;
    // Eight tiles of tokens in turn for each tile of rows, so that both stay in the cache.
    const int row_tiles = (rows + SIDE - 1) / SIDE, token_tiles = (tokens + SIDE - 1) / SIDE;
    const int id = get_group_id(0), each = 8 * row_tiles, first_tile = id / each * 8, in_turn = min(8, token_tiles - first_tile);
    const int token0 = (first_tile + id % each % in_turn) * SIDE, row0 = id % each / in_turn * SIDE;
    float4 sum[4][8];
    #pragma unroll
    for (int i = 0; i < 4; i++)
    {
        #pragma unroll
        for (int j = 0; j < 8; j++)
        {
            sum[i][j] = (float4)(0.0f);
        }
    }
    const int blocks = (columns + 63) / 64;
    const int row_blocks = (rows + 63) / 64, token_blocks = (tokens + 63) / 64;
    const size_t left = (size_t)token_blocks * blocks * 512;
    const int steps = blocks * PARTS;
    for (int step = 1 - STAGES; step < steps; step++)
    {
        const int next = step + STAGES - 1;
        if (step >= 0)
        {
            asm volatile("cp.async.wait_group 1;");
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (next < steps)
        {
            // Blocks lie in local memory as they do in global memory.
            const uint stage = base + next % STAGES * STAGE_BYTES + thread * 16;
            const int block = next % blocks;
            global const uint4* const parts = x + (PARTS == 2 && next >= blocks ? left : 0);
            #pragma unroll
            for (int i = 0; i < 8; i++)
            {
                const size_t from = ((size_t)min(token0 / 64 + i / 4, token_blocks - 1) * blocks + block) * 512;
                copy_16(stage + i * 2048, parts + from + i % 4 * 128 + thread);
            }
            #pragma unroll
            for (int i = 0; i < 8; i++)
            {
                const size_t from = ((size_t)min(row0 / 64 + i / 4, row_blocks - 1) * blocks + block) * 512;
                copy_16(stage + SIDE * 128 + i * 2048, w + from + i % 4 * 128 + thread);
            }
        }
        asm volatile("cp.async.commit_group;");
        if (step < 0)
        {
            continue;
        }
        const uint x_at = base + step % STAGES * STAGE_BYTES, w_at = x_at + SIDE * 128;
        #pragma unroll
        for (int k = 0; k < 4; k++)
        {
            uint4 a[4], b[4];
            #pragma unroll
            for (int i = 0; i < 4; i++)
            {
                const int row = warp_m * 64 + i * 16 + lane % 16, piece = k * 2 + lane / 16;
                a[i] = ldmatrix_x4(x_at + row * 128 + (piece ^ row % 8) * 16);
            }
            #pragma unroll
            for (int j = 0; j < 4; j++)
            {
                const int row = warp_n * 64 + j * 16 + lane / 16 * 8 + lane % 8, piece = k * 2 + lane / 8 % 2;
                b[j] = ldmatrix_x4(w_at + row * 128 + (piece ^ row % 8) * 16);
            }
            #pragma unroll
            for (int i = 0; i < 4; i++)
            {
                #pragma unroll
                for (int j = 0; j < 4; j++)
                {
                    sum[i][2 * j] = mma(a[i].s0, a[i].s1, a[i].s2, a[i].s3, b[j].s0, b[j].s1, sum[i][2 * j]);
                    sum[i][2 * j + 1] = mma(a[i].s0, a[i].s1, a[i].s2, a[i].s3, b[j].s2, b[j].s3, sum[i][2 * j + 1]);
                }
            }
        }
    }
    const int g = lane / 4, t = lane % 4;
    #pragma unroll
    for (int i = 0; i < 4; i++)
    {
        #pragma unroll
        for (int below = 0; below < 2; below++)
        {
            const int token = token0 + warp_m * 64 + i * 16 + below * 8 + g;
            if (token >= tokens)
            {
                continue;
            }
            float scale = 1.0f;
#if ELEMENT
            scale = scales[token];
#endif
            #pragma unroll
            for (int j = 0; j < 8; j++)
            {
                const int row = row0 + warp_n * 64 + j * 8 + t * 2;
                const float2 s = (below == 0 ? sum[i][j].lo : sum[i][j].hi) * scale;
                const size_t at = (size_t)token * rows + row;
                if (row < rows)
                {
                    y[at] = total(s.s0, bias, y, at, row, flags);
                }
                if (row + 1 < rows)
                {
                    y[at + 1] = total(s.s1, bias, y, at + 1, row + 1, flags);
                }
            }
        }
    }
}
#endif

#ifdef GROUPS
// By wgmma: GROUPS groups of four warps have 64 rows of weights each and all TOKENS tokens of the tile, 64 columns at a time; one warp more
// copies them some stages ahead. The second part of tokens is more columns of the tile. Few tiles share their columns out among splits,
// the last of which adds up the sums of all, in order.
#define ROWS (64 * GROUPS)
#define WIDTH (TOKENS * PARTS)
#define STAGE_BYTES ((ROWS + WIDTH) * 128)
#define ROW_ITEMS (128 * GROUPS)
static void init_barrier(uint barrier_at, uint arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(barrier_at), "r"(arrivals) : "memory");
}
static void arrive(uint barrier_at)
{
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" : : "r"(barrier_at) : "memory");
}
static void wait_phase(uint barrier_at, uint parity)
{
    uint ended;
    do
    {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
            : "=r"(ended) : "r"(barrier_at), "r"(parity) : "memory");
    } while (!ended);
}
static void arrive_and_expect(uint barrier_at, uint bytes)
{
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(barrier_at), "r"(bytes) : "memory");
}
static void copy_bulk(uint to, global const void* from, uint bytes, uint barrier_at)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
        : : "r"(to), "l"(from), "r"(bytes), "r"(barrier_at) : "memory");
}
static ulong matrix_at(uint address)
{
    return (ulong)(address >> 4) | (ulong)(1) << 16 | (ulong)(1024 >> 4) << 32 | 1UL << 62;
}
// The host names the registers of a product: REGISTERS, REGISTER_NAMES, COLUMNS and the other OPERANDS.
static void multiply(float4* d, ulong a, ulong b)
{
    asm volatile("//@sm90a wgmma.mma_async.sync.aligned.m64n" COLUMNS "k16.f32." TYPE "." TYPE " {" REGISTER_NAMES "}, " OPERANDS ", 1, 1, 1, 0, 0;"
        : REGISTERS(d) : "l"(a), "l"(b));
}

static void wait_one(float4* d)
{
    asm volatile("//@sm90a wgmma.wait_group.sync.aligned 1;" : REGISTERS(d) : : "memory");
}

static void wait_all(float4* d)
{
    asm volatile("//@sm90a wgmma.wait_group.sync.aligned 0;" : REGISTERS(d) : : "memory");
}

kernel __attribute__((reqd_work_group_size(ROW_ITEMS + 128, 1, 1)))
void linear_groups(
    global const uint4* restrict x, global const float* restrict scales, global const uint4* restrict w, global const float* restrict bias,
    global float* y, global float* partial, global uint* counters, int columns, int rows, int tokens, int flags, int splits)
{
    local uint4 memory[STAGES * STAGE_BYTES / 16] __attribute__((aligned(1024)));
    local ulong barriers[2 * STAGES];
    local uint arrived;
    const uint base = (uint)(size_t)memory;
    const uint there = (uint)(size_t)barriers, free = there + STAGES * 8;
    const int thread = get_local_id(0), lane = thread % 32;
    const int row_tiles = (rows + ROWS - 1) / ROWS, token_tiles = (tokens + TOKENS - 1) / TOKENS;
    const int tile = get_group_id(0) / splits, split = get_group_id(0) % splits;
    const int each = 16 * token_tiles, first_tile = tile / each * 16, in_turn = min(16, row_tiles - first_tile);
    const int row0 = (first_tile + tile % each % in_turn) * ROWS, token0 = tile % each / in_turn * TOKENS;
    const int blocks = (columns + 63) / 64;
    const int begin = (int)((long)blocks * split / splits), end = (int)((long)blocks * (split + 1) / splits);
    if (thread == 0)
    {
        for (int s = 0; s < STAGES; s++)
        {
            init_barrier(there + s * 8, 1);
            init_barrier(free + s * 8, ROW_ITEMS / 32);
        }
        asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (thread >= ROW_ITEMS)
    {
#if GROUPS == 2
        asm volatile("//@sm90a setmaxnreg.dec.sync.aligned.u32 32;");
#endif
        if (thread == ROW_ITEMS)
        {
            const size_t left = (size_t)((tokens + 63) / 64) * blocks * 512;
            const int row_blocks = (rows + 63) / 64, token_blocks = (tokens + 63) / 64;
            for (int step = 0; step < end - begin; step++)
            {
                const uint stage = base + step % STAGES * STAGE_BYTES, barrier_at = there + step % STAGES * 8;
                const int block = begin + step;
                wait_phase(free + step % STAGES * 8, step / STAGES % 2 ^ 1);
                arrive_and_expect(barrier_at, STAGE_BYTES);
                #pragma unroll
                for (int i = 0; i < GROUPS; i++)
                {
                    copy_bulk(stage + i * 8192, w + ((size_t)min(row0 / 64 + i, row_blocks - 1) * blocks + block) * 512, 8192, barrier_at);
                }
                #pragma unroll
                for (int part = 0; part < PARTS; part++)
                {
#if TOKENS >= 64
                    #pragma unroll
                    for (int i = 0; i < TOKENS / 64; i++)
                    {
                        copy_bulk(stage + ROWS * 128 + part * TOKENS * 128 + i * 8192,
                            x + part * left + ((size_t)min(token0 / 64 + i, token_blocks - 1) * blocks + block) * 512, 8192, barrier_at);
                    }
#else
                    copy_bulk(stage + ROWS * 128 + part * TOKENS * 128,
                        x + part * left + ((size_t)(token0 / 64) * blocks + block) * 512 + token0 % 64 * 8, TOKENS * 128, barrier_at);
#endif
                }
            }
        }
        return;
    }
#if GROUPS == 2
    asm volatile("//@sm90a setmaxnreg.inc.sync.aligned.u32 232;");
#endif
    const int group = thread / 128;
    float4 sum[WIDTH / 8];
    #pragma unroll
    for (int j = 0; j < WIDTH / 8; j++)
    {
        sum[j] = (float4)(0.0f);
    }
    for (int step = 0; step < end - begin; step++)
    {
        const uint stage = base + step % STAGES * STAGE_BYTES;
        wait_phase(there + step % STAGES * 8, step / STAGES % 2);
        asm volatile("//@sm90a wgmma.fence.sync.aligned;" : : : "memory");
        #pragma unroll
        for (int k = 0; k < 4; k++)
        {
            multiply(sum, matrix_at(stage + group * 8192 + k * 32), matrix_at(stage + ROWS * 128 + k * 32));
        }
        asm volatile("//@sm90a wgmma.commit_group.sync.aligned;" : : : "memory");
        wait_one(sum);
        if (step > 0 && lane == 0)
        {
            arrive(free + (step - 1) % STAGES * 8); // its products are done
        }
    }
    wait_all(sum);
#if PARTS == 2
    #pragma unroll
    for (int j = 0; j < TOKENS / 8; j++)
    {
        sum[j] += sum[j + TOKENS / 8];
    }
#endif
    if (splits > 1)
    {
        global float4* const own = (global float4*)partial + (size_t)tile * splits * (TOKENS / 8) * ROW_ITEMS + thread;
        #pragma unroll
        for (int j = 0; j < TOKENS / 8; j++)
        {
            own[(split * (TOKENS / 8) + j) * ROW_ITEMS] = sum[j];
        }
        asm volatile("fence.acq_rel.gpu;" : : : "memory");
        asm volatile("bar.sync 1, %0;" : : "n"(ROW_ITEMS) : "memory");
        if (thread == 0)
        {
            arrived = atomic_inc(counters + tile);
        }
        asm volatile("bar.sync 1, %0;" : : "n"(ROW_ITEMS) : "memory");
        if (arrived != splits - 1)
        {
            return;
        }
        asm volatile("fence.acq_rel.gpu;" : : : "memory");
        if (thread == 0)
        {
            counters[tile] = 0;
        }
        #pragma unroll
        for (int j = 0; j < TOKENS / 8; j++)
        {
            sum[j] = (float4)(0.0f);
        }
        for (int s = 0; s < splits; s++)
        {
            #pragma unroll
            for (int j = 0; j < TOKENS / 8; j++)
            {
                sum[j] += own[(s * (TOKENS / 8) + j) * ROW_ITEMS];
            }
        }
    }
    const int row = row0 + group * 64 + thread / 32 % 4 * 16 + lane / 4;
    #pragma unroll
    for (int j = 0; j < TOKENS / 8; j++)
    {
        #pragma unroll
        for (int odd = 0; odd < 2; odd++)
        {
            const int token = token0 + j * 8 + lane % 4 * 2 + odd;
            if (token < tokens)
            {
                float scale = 1.0f;
#if ELEMENT
                scale = scales[token];
#endif
                const size_t at = (size_t)token * rows + row;
                if (row < rows)
                {
                    y[at] = total((odd ? sum[j].s1 : sum[j].s0) * scale, bias, y, at, row, flags);
                }
                if (row + 8 < rows)
                {
                    y[at + 8] = total((odd ? sum[j].s3 : sum[j].s2) * scale, bias, y, at + 8, row + 8, flags);
                }
            }
        }
    }
}
#endif
