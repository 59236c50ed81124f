// By wgmma: GROUPS groups of four warps have 64 rows of weights each and all TOKENS tokens of the tile, 64 columns at a time; one warp more
// copies them some stages ahead. The second part of tokens is more columns of the tile. Few tiles share their columns out among splits,
// the last of which adds up the sums of all, in order. Set by the host besides what is named here:
//   CODE     of weights in groups (tensor_codes.cl): their codes become fragments in registers; FOLDED: each times its scale, a power of two,
//            and otherwise scales multiply the sums of groups, and minima the sums of x's columns
//   EXPERTS  2: tiles are by a table, and tokens in its order (tensor_tiles.cl)
#define ROWS (64 * GROUPS)
#define WIDTH (TOKENS * PARTS)
#ifdef CODE
#define UNIT_BYTES (512 * CODE_LOADS)
#define W_BYTES (ROWS / STRIP_ROWS * UNIT_BYTES)
#define W_TYPE uchar
#else
#define W_BYTES (ROWS * 128)
#define W_TYPE uint4
#endif
#define STAGE_BYTES (W_BYTES + WIDTH * 128)
#define ROW_ITEMS (128 * GROUPS)
static ulong matrix_at(uint address)
{
    return (ulong)(address >> 4) | (ulong)(1) << 16 | (ulong)(1024 >> 4) << 32 | 1UL << 62;
}
// The host names the registers of a product: REGISTERS, REGISTER_NAMES, COLUMNS and the other OPERANDS.
#ifdef CODE
// With weights in registers; d starts from 0 without keep.
static void multiply(float4* d, uint4 a, ulong b, int keep)
{
    asm volatile("{ .reg .pred p;\nsetp.ne.b32 p, " KEEP ", 0;\n"
        "//@sm90a wgmma.mma_async.sync.aligned.m64n" COLUMNS "k16.f32." TYPE "." TYPE " {" REGISTER_NAMES "}, " OPERANDS ", p, 1, 1, 0;\n}"
        : REGISTERS(d) : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "l"(b), "r"(keep));
}
#else
static void multiply(float4* d, ulong a, ulong b)
{
    asm volatile("//@sm90a wgmma.mma_async.sync.aligned.m64n" COLUMNS "k16.f32." TYPE "." TYPE " {" REGISTER_NAMES "}, " OPERANDS ", 1, 1, 1, 0, 0;"
        : REGISTERS(d) : "l"(a), "l"(b));
}
#endif

static void wait_one(float4* d)
{
    asm volatile("//@sm90a wgmma.wait_group.sync.aligned 1;" : REGISTERS(d) : : "memory");
}

static void wait_all(float4* d)
{
    asm volatile("//@sm90a wgmma.wait_group.sync.aligned 0;" : REGISTERS(d) : : "memory");
}

#ifdef CODE
static uint4 local_piece(uint address)
{
    uint4 r;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(r.s0), "=r"(r.s1), "=r"(r.s2), "=r"(r.s3) : "r"(address) : "memory");
    return r;
}

// A unit's fragments, out of a warp's codes in local memory.
static void take_unit(uint at, factors_t scale, uint4* a)
{
    uint4 codes[CODE_LOADS];
    #pragma unroll
    for (int i = 0; i < CODE_LOADS; i++)
    {
        codes[i] = local_piece(at + i * 512);
    }
    #pragma unroll
    for (int k = 0; k < 4; k++)
    {
        a[k] = fragment(codes, k);
#if FOLDED
        const uint above = as_uint(factor_of(scale, k * SUBS / 4, 0)), below = as_uint(factor_of(scale, k * SUBS / 4, 1));
        const uint two = above | above >> 16, two_below = below | below >> 16;
        a[k] = (uint4)(
            fma_pair(a[k].s0, two, 0x80008000), fma_pair(a[k].s1, two_below, 0x80008000),
            fma_pair(a[k].s2, two, 0x80008000), fma_pair(a[k].s3, two_below, 0x80008000));
#endif
    }
}

// sum += products · factors of rows g and g + 8.
static void add_scaled(float4* sum, const float4* products, float above, float below)
{
    #pragma unroll
    for (int j = 0; j < WIDTH / 8; j++)
    {
        sum[j] = fma(products[j], (float4)(above, above, below, below), sum[j]);
    }
}
#endif

kernel __attribute__((reqd_work_group_size(ROW_ITEMS + 128, 1, 1)))
void linear_groups(
    global const uint4* restrict x, global const float* restrict scales, global const W_TYPE* restrict w, global const float* restrict bias,
    global float* y, global float* partial, global uint* counters, int columns, int rows, int tokens, int flags, int splits TILE_ARGUMENTS)
{
    local uint4 memory[STAGES * STAGE_BYTES / 16] __attribute__((aligned(1024)));
    local ulong barriers[2 * STAGES];
    local uint arrived;
    const uint base = (uint)(size_t)memory;
    const uint there = (uint)(size_t)barriers, free = there + STAGES * 8;
    const int thread = get_local_id(0), lane = thread % 32;
#if EXPERTS == 2
    const int token_tiles = tile_count;
#else
    const int token_tiles = (tokens + TOKENS - 1) / TOKENS;
#endif
    const int row_tiles = (rows + ROWS - 1) / ROWS;
    const int tile = get_group_id(0) / splits, split = get_group_id(0) % splits;
    const int each = 16 * token_tiles, first_tile = tile / each * 16, in_turn = min(16, row_tiles - first_tile);
    const int row0 = (first_tile + tile % each % in_turn) * ROWS;
    const int blocks = (columns + 63) / 64, token_blocks = (tokens + 63) / 64;
#if EXPERTS == 2
    // Tokens are all that tiles may take; those of this one follow.
    const int4 tile_of = tiles[tile % each / in_turn];
    const int token0 = tile_of.s1, tokens_end = tile_of.s1 + tile_of.s2;
    if (tile_of.s2 == 0)
    {
        return;
    }
#ifdef CODE
    w += (size_t)tile_of.s0 * unit_matrix(rows, columns);
#else
    w += (size_t)tile_of.s0 * ((rows + 63) / 64) * blocks * 512;
#endif
    bias += (size_t)tile_of.s0 * rows;
#else
    const int token0 = tile % each / in_turn * TOKENS, tokens_end = tokens;
#endif
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
            const size_t left = (size_t)token_blocks * blocks * 512;
            for (int step = 0; step < end - begin; step++)
            {
                const uint stage = base + step % STAGES * STAGE_BYTES, barrier_at = there + step % STAGES * 8;
                const int block = begin + step;
                wait_phase(free + step % STAGES * 8, step / STAGES % 2 ^ 1);
                arrive_and_expect(barrier_at, STAGE_BYTES);
#ifdef CODE
                #pragma unroll
                for (int i = 0; i < ROWS / STRIP_ROWS; i++)
                {
                    const size_t strip = min(row0 / STRIP_ROWS + i, (int)strips_of(rows) - 1);
                    copy_bulk(stage + i * UNIT_BYTES, w + (strip * blocks + block) * UNIT_BYTES, UNIT_BYTES, barrier_at);
                }
#else
                #pragma unroll
                for (int i = 0; i < GROUPS; i++)
                {
                    copy_bulk(stage + i * 8192, w + ((size_t)min(row0 / 64 + i, (rows + 63) / 64 - 1) * blocks + block) * 512, 8192, barrier_at);
                }
#endif
                #pragma unroll
                for (int part = 0; part < PARTS; part++)
                {
#if TOKENS >= 64
                    #pragma unroll
                    for (int i = 0; i < TOKENS / 64; i++)
                    {
                        copy_bulk(stage + W_BYTES + part * TOKENS * 128 + i * 8192,
                            x + part * left + ((size_t)min(token0 / 64 + i, token_blocks - 1) * blocks + block) * 512, 8192, barrier_at);
                    }
#else
                    copy_bulk(stage + W_BYTES + part * TOKENS * 128,
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
#ifdef CODE
    // A unit's products run while the next one's codes become fragments.
    const size_t strip = min(row0 / STRIP_ROWS + thread / 32, (int)strips_of(rows) - 1);
    const uint own = thread / 32 * UNIT_BYTES + lane * 16;
    global const uchar* const factors = w + unit_codes(rows, columns);
#define SCALES(step) factors_at(factors, strip, min(begin + (step), end - 1), rows, columns, lane / 4)
#define MINIMA(step) factors_at(factors + unit_factors(rows, columns), strip, min(begin + (step), end - 1), rows, columns, lane / 4)
    uint4 a[4];
    factors_t scale = SCALES(0), scale_next = SCALES(1);
#if MINIMUM
    factors_t minimum = MINIMA(0), minimum_next = MINIMA(1);
    float4 ones[WIDTH / 8];
#endif
#if !FOLDED
    float4 products[WIDTH / 8];
#endif
    wait_phase(there, 0);
    take_unit(base + own, scale, a);
    for (int step = 0; step < end - begin; step++)
    {
        const uint stage = base + step % STAGES * STAGE_BYTES;
        const factors_t scale_after = SCALES(step + 2);
#if MINIMUM
        const factors_t minimum_after = MINIMA(step + 2);
#endif
        uint4 next[4];
        #pragma unroll
        for (int sub = 0; sub < (FOLDED ? 1 : SUBS); sub++)
        {
            asm volatile("//@sm90a wgmma.fence.sync.aligned;" : : : "memory");
            #pragma unroll
            for (int k = FOLDED ? 0 : sub * 4 / SUBS; k < (FOLDED ? 4 : (sub + 1) * 4 / SUBS); k++)
            {
                const ulong columns_at = matrix_at(stage + W_BYTES + k * 32);
#if FOLDED
                multiply(sum, a[k], columns_at, 1);
#else
                multiply(products, a[k], columns_at, k != sub * 4 / SUBS);
#endif
#if MINIMUM
                multiply(ones, (uint4)(0x3F803F80), columns_at, k != sub * 4 / SUBS);
#endif
            }
            asm volatile("//@sm90a wgmma.commit_group.sync.aligned;" : : : "memory");
            if (sub == (FOLDED ? 1 : SUBS) - 1 && step + 1 < end - begin)
            {
                wait_phase(there + (step + 1) % STAGES * 8, (step + 1) / STAGES % 2);
                take_unit(base + (step + 1) % STAGES * STAGE_BYTES + own, scale_next, next);
            }
#if FOLDED
            wait_all(sum);
#else
            wait_all(products);
            add_scaled(sum, products, factor_of(scale, sub, 0), factor_of(scale, sub, 1));
#endif
#if MINIMUM
            wait_all(ones);
            add_scaled(sum, ones, factor_of(minimum, sub, 0), factor_of(minimum, sub, 1));
#endif
        }
        if (lane == 0)
        {
            arrive(free + step % STAGES * 8);
        }
        #pragma unroll
        for (int k = 0; k < 4; k++)
        {
            // Products read these registers up to here, which the compiler does not know.
            asm volatile("" : "+r"(a[k].s0), "+r"(a[k].s1), "+r"(a[k].s2), "+r"(a[k].s3));
            a[k] = next[k];
        }
        scale = scale_next;
        scale_next = scale_after;
#if MINIMUM
        minimum = minimum_next;
        minimum_next = minimum_after;
#endif
    }
#else
    for (int step = 0; step < end - begin; step++)
    {
        const uint stage = base + step % STAGES * STAGE_BYTES;
        wait_phase(there + step % STAGES * 8, step / STAGES % 2);
        asm volatile("//@sm90a wgmma.fence.sync.aligned;" : : : "memory");
        #pragma unroll
        for (int k = 0; k < 4; k++)
        {
            multiply(sum, matrix_at(stage + group * 8192 + k * 32), matrix_at(stage + W_BYTES + k * 32));
        }
        asm volatile("//@sm90a wgmma.commit_group.sync.aligned;" : : : "memory");
        wait_one(sum);
        if (step > 0 && lane == 0)
        {
            arrive(free + (step - 1) % STAGES * 8); // its products are done
        }
    }
    wait_all(sum);
#endif
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
            if (token < tokens_end)
            {
                float factor = 1.0f;
#if ELEMENT
                factor = scales[token];
#endif
                const size_t at = (size_t)Y_ROW(token) * rows + row;
                if (row < rows)
                {
                    y[at] = total((odd ? sum[j].s1 : sum[j].s0) * factor, bias, y, at, row, flags);
                }
                if (row + 8 < rows)
                {
                    y[at + 8] = total((odd ? sum[j].s3 : sum[j].s2) * factor, bias, y, at + 8, row + 8, flags);
                }
            }
        }
    }
}
