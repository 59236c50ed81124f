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
