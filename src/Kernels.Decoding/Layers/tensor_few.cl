// Few tokens, at most 8: a work-group has 16 rows, whose columns its warps share. A product sums over columns in any order that both
// factors have: a work-item's 16 bytes of a row are two of its fragments. Set by the host:
//   X_TYPE  as in values.cl: float32, or the weights' own type
//   NORM    x is first divided by its root mean square and multiplied by norm_weight
//   GATED   rows r and rows / 2 + r are a gate and its value: y has activation(gate) · value, rows / 2 a token
//   EXPERTS as in tensor_tiles.cl
#define WARPS 8

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
    int activation TILE_ARGUMENTS)
{
    local float partial[WARPS][128];
    local float squares[WARPS][8];
    const int lane = get_local_id(0) % 32, warp = get_local_id(0) / 32, g = lane / 4, t = lane % 4;
    const int pieces = columns / 8, blocks = (columns + 63) / 64;
    TAKE_TILE(w, bias, (size_t)((rows + 63) / 64) * blocks * 512, rows, tokens)
#if GATED
    const int row = get_group_id(0) * 8, row_a = row + g, row_b = rows / 2 + row + g;
#else
    const int row = get_group_id(0) * 16, row_a = row + g, row_b = row + g + 8;
#endif
    const int own_a = min(row_a, rows - 1), own_b = min(row_b, rows - 1);
    const size_t own = (size_t)X_ROW(min(g, tokens - 1)) * pieces;
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
    const size_t at = (size_t)Y_ROW(token) * width + r;
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
