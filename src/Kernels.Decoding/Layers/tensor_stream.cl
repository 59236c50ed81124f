// Few tokens, at most 8, where memory copies itself (compute capability 9): a work-group a multiprocessor has its share of the strips of 16
// rows, STRIPS at a time. One warp keeps STAGES steps of columns of them on their way to local memory; the others multiply, a step each in
// turn, and add their sums up behind the last column. Set by the host:
//   X_TYPE  as in values.cl: float32, or the weights' own type
//   NORM    x is first divided by its root mean square and multiplied by norm_weight
//   GATED   rows r and rows / 2 + r are a gate and its value: y has activation(gate) · value, rows / 2 a token. Each strip of gates, of which
//           there are whole ones, is followed by that of its values
//   STRIPS  1, 2 or 4; gated an even number
#define WARPS 8
#define STEP_BLOCKS (4 / STRIPS)
#define STEP_BYTES 8192
#define TILE_ROWS (16 * STRIPS)
#define TOKEN_STRIDE 68 // no two work-items of a warp that store sums have the same bank
#if STAGES % WARPS
#error A stage is always the same warp's: barriers tell only two rounds apart.
#endif

kernel __attribute__((reqd_work_group_size(32 * WARPS + 32, 1, 1)))
void linear_stream(
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
    local uint4 memory[STAGES * STEP_BYTES / 16] __attribute__((aligned(128)));
    local float sums[2][WARPS][8 * TOKEN_STRIDE];
#if NORM
    local float squares[WARPS][8];
#endif
    local ulong barriers[2 * STAGES];
    const uint base = (uint)(size_t)memory;
    const uint there = (uint)(size_t)barriers, free = there + STAGES * 8;
    const int thread = get_local_id(0), lane = thread % 32, warp = thread / 32;
    const int blocks = (columns + 63) / 64, pieces = columns / 8, steps = (blocks + STEP_BLOCKS - 1) / STEP_BLOCKS;
#if GATED
    const int width = rows / 2, gates = width / 16;
    const int begin = (int)((long)gates * get_group_id(0) / get_num_groups(0)) * 2, end = (int)((long)gates * (get_group_id(0) + 1) / get_num_groups(0)) * 2;
#define ROW_OF(strip) ((strip) / 2 * 16 + (strip) % 2 * width)
#else
    const int width = rows, strips = (rows + 15) / 16;
    const int begin = (int)((long)strips * get_group_id(0) / get_num_groups(0)), end = (int)((long)strips * (get_group_id(0) + 1) / get_num_groups(0));
#define ROW_OF(strip) ((strip) * 16)
#endif
    if (thread == 0)
    {
        for (int s = 0; s < STAGES; s++)
        {
            init_barrier(there + s * 8, 1);
            init_barrier(free + s * 8, 1);
        }
        asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (warp == WARPS)
    {
        // A piece of a step each: one work-item alone would be slower than memory.
        if (lane < 4)
        {
            const int i = lane / STRIPS, k = lane % STRIPS;
            int turn = 0;
            for (int strip = begin; strip < end; strip += STRIPS)
            {
                const int count = min(STRIPS, end - strip);
                global const uint4* from = w + piece_at(ROW_OF(strip + k), i * 8, blocks);
                for (int block = 0; block < blocks; block += STEP_BLOCKS, turn++, from += STEP_BLOCKS * 512)
                {
                    const int stage = turn % STAGES;
                    wait_phase(free + stage * 8, turn / STAGES % 2 ^ 1);
                    if (lane == 0)
                    {
                        arrive_and_expect(there + stage * 8, count * min(STEP_BLOCKS, blocks - block) * 2048);
                    }
                    if (k < count && block + i < blocks)
                    {
                        copy_bulk(base + stage * STEP_BYTES + lane * 2048, from, 2048, there + stage * 8);
                    }
                }
            }
        }
        return;
    }

    const int g = lane / 4, t = lane % 4;
    const size_t own = (size_t)min(g, tokens - 1) * pieces;
    int next = warp; // the warp's next step, of all tiles of strips
    int begun = 0;   // steps of the tiles before
    for (int strip = begin; strip < end; strip += STRIPS, begun += steps)
    {
        float4 sum[STRIPS], second[STRIPS];
        #pragma unroll
        for (int m = 0; m < STRIPS; m++)
        {
            sum[m] = (float4)(0.0f);
            second[m] = (float4)(0.0f);
        }
#if NORM
        float square = 0.0f;
#endif
#if ELEMENT && X_TYPE == 0
        float scale = 1.0f; // of the sums; x, whose numbers may be beyond float16, is divided by it
#endif
        for (; next < begun + steps; next += WARPS)
        {
            const int stage = next % STAGES;
            local const uint4* from = memory + stage * (STEP_BYTES / 16) + g * 8;
            uint4 h[STEP_BLOCKS][2];
#if X_TYPE == 0
            uint4 l[STEP_BLOCKS][2];
            float8 v[STEP_BLOCKS][2];
#endif
            #pragma unroll
            for (int j = 0; j < STEP_BLOCKS * 2; j++)
            {
                const int i = j / 2, u = j % 2, piece = ((next - begun) * STEP_BLOCKS + i) * 8 + 2 * t + u;
#if X_TYPE == 0
                v[i][u] = (float8)(0.0f);
                if (piece < pieces)
                {
                    v[i][u] = (float8)(((global const float4*)x)[(own + piece) * 2], ((global const float4*)x)[(own + piece) * 2 + 1]);
#if NORM
                    const float8 v2 = v[i][u] * v[i][u];
                    const float4 v4 = v2.lo + v2.hi;
                    square += (v4.s0 + v4.s1) + (v4.s2 + v4.s3);
                    v[i][u] *= (float8)(((global const float4*)norm_weight)[piece * 2], ((global const float4*)norm_weight)[piece * 2 + 1]);
#endif
                }
#else
                h[i][u] = piece < pieces ? ((global const uint4*)x)[own + piece] : (uint4)(0);
#endif
            }
#if X_TYPE == 0
#if ELEMENT
            float8 most = (float8)(0.0f);
            #pragma unroll
            for (int j = 0; j < STEP_BLOCKS * 2; j++)
            {
                most = fmax(most, fabs(v[j / 2][j % 2]));
            }
            const float largest = largest_of_warp(most);
            if (largest > 32768.0f * scale && largest < INFINITY)
            {
                const float after = as_float(((as_uint(largest) >> 23) - 12) << 23);
                #pragma unroll
                for (int m = 0; m < STRIPS; m++)
                {
                    sum[m] *= scale / after;
                    second[m] *= scale / after;
                }
                scale = after;
            }
#endif
            #pragma unroll
            for (int j = 0; j < STEP_BLOCKS * 2; j++)
            {
#if ELEMENT
                v[j / 2][j % 2] *= 1.0f / scale;
#endif
                split(v[j / 2][j % 2], &h[j / 2][j % 2], &l[j / 2][j % 2]);
            }
#endif
            wait_phase(there + stage * 8, next / STAGES % 2);
            #pragma unroll
            for (int i = 0; i < STEP_BLOCKS; i++)
            {
                // Blocks behind the last column were not copied.
                if ((next - begun) * STEP_BLOCKS + i >= blocks)
                {
                    break;
                }
                #pragma unroll
                for (int u = 0; u < 2; u++)
                {
                    #pragma unroll
                    for (int m = 0; m < STRIPS; m++)
                    {
                        const uint4 a = from[(i * STRIPS + m) * 128 + (2 * t + u ^ g)], c = from[(i * STRIPS + m) * 128 + 64 + (2 * t + u ^ g)];
#if X_TYPE == 0
                        second[m] = mma(a.s0, c.s0, a.s1, c.s1, l[i][u].s0, l[i][u].s1, second[m]);
                        second[m] = mma(a.s2, c.s2, a.s3, c.s3, l[i][u].s2, l[i][u].s3, second[m]);
#endif
                        sum[m] = mma(a.s0, c.s0, a.s1, c.s1, h[i][u].s0, h[i][u].s1, sum[m]);
                        sum[m] = mma(a.s2, c.s2, a.s3, c.s3, h[i][u].s2, h[i][u].s3, sum[m]);
                    }
                }
            }
            asm volatile("bar.warp.sync 0xffffffff;" : : : "memory");
            if (lane == 0)
            {
                arrive(free + stage * 8);
            }
        }

        // [token][row of the tile], of each warp; the warps are in step within one tile.
        const int turn = (strip - begin) / STRIPS % 2;
        local float* const to = sums[turn][warp] + 2 * t * TOKEN_STRIDE + g;
        #pragma unroll
        for (int m = 0; m < STRIPS; m++)
        {
            float4 s = sum[m] + second[m];
#if ELEMENT && X_TYPE == 0
            s *= scale;
#endif
            to[m * 16] = s.s0;
            to[m * 16 + TOKEN_STRIDE] = s.s1;
            to[m * 16 + 8] = s.s2;
            to[m * 16 + 8 + TOKEN_STRIDE] = s.s3;
        }
#if NORM
        if (strip == begin)
        {
            #pragma unroll
            for (int distance = 1; distance < 4; distance *= 2)
            {
                uint other;
                asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(other) : "r"(as_uint(square)), "r"(distance));
                square += as_float(other);
            }
            if (t == 0)
            {
                squares[warp][g] = square;
            }
        }
#endif
        asm volatile("bar.sync 1, %0;" : : "n"(WARPS * 32) : "memory");

        // Each work-item has a row of the tile, of one or more tokens.
        #pragma unroll
        for (int i = 0; i < (8 * TILE_ROWS + WARPS * 32 - 1) / (WARPS * 32); i++)
        {
            const int row = thread % TILE_ROWS, token = i * (WARPS * 32 / TILE_ROWS) + thread / TILE_ROWS, r = ROW_OF(strip + row / 16) + row % 16;
#if GATED
            if (token >= tokens || strip + row / 16 >= end || row / 16 % 2 == 1)
#else
            if (token >= tokens || strip + row / 16 >= end || r >= rows)
#endif
            {
                continue;
            }
            float s = 0.0f;
#if GATED
            float value = 0.0f;
#endif
#if NORM
            float mean = 0.0f;
#endif
            #pragma unroll
            for (int k = 0; k < WARPS; k++)
            {
                s += sums[turn][k][token * TOKEN_STRIDE + row];
#if GATED
                value += sums[turn][k][token * TOKEN_STRIDE + row + 16];
#endif
#if NORM
                mean += squares[k][token];
#endif
            }
#if NORM
            const float by = 1.0f / sqrt(mean / columns + epsilon);
            s *= by;
#if GATED
            value *= by;
#endif
#endif
            const size_t at = (size_t)token * width + r;
#if GATED
            s += flags & BIAS ? bias[r] : 0.0f;
            value += flags & BIAS ? bias[width + r] : 0.0f;
            y[at] = activate(s, activation) * value;
#else
            y[at] = total(s, bias, y, at, r, flags);
#endif
        }
    }
}
