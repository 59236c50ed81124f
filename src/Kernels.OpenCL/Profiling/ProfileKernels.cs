using System.Text;

namespace Kernels.OpenCL;

/// <summary>
/// The kernels that <see cref="DeviceProfile"/> times. Each writes what it calculates, so that no compiler can leave the work out.
/// </summary>
internal static class ProfileKernels
{
    /// <summary>For CPUs: one work-item a work-group, a long run of memory and full vectors for each.</summary>
    public static ReadOnlySpan<byte> Vectors => """
        // Reads count vectors; count is a multiple of 4 times the number of work-items.
        kernel __attribute__((reqd_work_group_size(1, 1, 1))) void read_linear(global const float16* data, int count, global float* sums)
        {
            const int share = count / (int)get_global_size(0);
            global const float16* mine = data + (size_t)get_global_id(0) * share;
            float16 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
            for (int i = 0; i < share; i += 4)
            {
        #ifdef __clang__
                // Further ahead than the hardware's own prefetch, which ends at a page. OpenCL's prefetch() does nothing on CPUs.
                for (int line = 0; line < 4; line++)
                {
                    __builtin_prefetch((const void*)(size_t)(mine + i + 64 + line), 0, 2);
                }
        #endif
                a += mine[i];
                b += mine[i + 1];
                c += mine[i + 2];
                d += mine[i + 3];
            }

            const float16 all = (a + b) + (c + d);
            sums[get_global_id(0)] = all.s0 + all.s5 + all.sa + all.sf;
        }

        // 16 chains of 16 lanes: enough to hide the latency of two units. 512 FLOPs a round.
        kernel __attribute__((reqd_work_group_size(1, 1, 1))) void multiply_add(float factor, float term, int rounds, global float* sums)
        {
            const float16 m = factor, t = term;
            float16 x0 = get_global_id(0), x1 = x0 + 1, x2 = x0 + 2, x3 = x0 + 3, x4 = x0 + 4, x5 = x0 + 5, x6 = x0 + 6, x7 = x0 + 7;
            float16 y0 = x0 + 8, y1 = x0 + 9, y2 = x0 + 10, y3 = x0 + 11, y4 = x0 + 12, y5 = x0 + 13, y6 = x0 + 14, y7 = x0 + 15;
            for (int i = 0; i < rounds; i++)
            {
                x0 = fma(x0, m, t); x1 = fma(x1, m, t); x2 = fma(x2, m, t); x3 = fma(x3, m, t);
                x4 = fma(x4, m, t); x5 = fma(x5, m, t); x6 = fma(x6, m, t); x7 = fma(x7, m, t);
                y0 = fma(y0, m, t); y1 = fma(y1, m, t); y2 = fma(y2, m, t); y3 = fma(y3, m, t);
                y4 = fma(y4, m, t); y5 = fma(y5, m, t); y6 = fma(y6, m, t); y7 = fma(y7, m, t);
            }

            const float16 all = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((y0 + y1) + (y2 + y3)) + ((y4 + y5) + (y6 + y7));
            sums[get_global_id(0)] = all.s0 + all.s5 + all.sa + all.sf;
        }

        // Reads as read_linear does, count vectors of 16-bit elements, and has 8 multiply-adds for each element: as much arithmetic for
        // a byte, 8 FLOPs, as lies between most devices' ceilings, so that it shows whether one hides behind the other.
        kernel __attribute__((reqd_work_group_size(1, 1, 1))) void read_and_multiply(global const half* data, int count, float factor, global float* sums)
        {
            const int share = count / (int)get_global_size(0);
            global const half* mine = data + (size_t)get_global_id(0) * share * 16;
            const float16 q0 = factor, q1 = q0 + 1, q2 = q0 + 2, q3 = q0 + 3, q4 = q0 + 4, q5 = q0 + 5, q6 = q0 + 6, q7 = q0 + 7;
            float16 a0 = 0.0f, a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
            for (int i = 0; i < share; i += 2)
            {
        #ifdef __clang__
                __builtin_prefetch((const void*)(size_t)(mine + (i + 128) * 16), 0, 2);
        #endif
                const float16 x = vload_half16(i, mine), y = vload_half16(i + 1, mine);
                a0 = fma(x, q0, a0); a1 = fma(x, q1, a1); a2 = fma(x, q2, a2); a3 = fma(x, q3, a3);
                a4 = fma(x, q4, a4); a5 = fma(x, q5, a5); a6 = fma(x, q6, a6); a7 = fma(x, q7, a7);
                a0 = fma(y, q0, a0); a1 = fma(y, q1, a1); a2 = fma(y, q2, a2); a3 = fma(y, q3, a3);
                a4 = fma(y, q4, a4); a5 = fma(y, q5, a5); a6 = fma(y, q6, a6); a7 = fma(y, q7, a7);
            }

            const float16 all = ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7));
            sums[get_global_id(0)] = all.s0 + all.s5 + all.sa + all.sf;
        }
        """u8;

    /// <summary>For GPUs: many work-groups, neighbours read neighbours.</summary>
    public static ReadOnlySpan<byte> WorkItems => """
        // Reads count vectors; count is a multiple of 4 times the number of work-items.
        kernel void read_linear(global const float4* data, int count, global float* sums)
        {
            const int step = get_global_size(0);
            float4 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
            for (int i = get_global_id(0); i < count; i += 4 * step)
            {
                a += data[i];
                b += data[i + step];
                c += data[i + 2 * step];
                d += data[i + 3 * step];
            }

            const float4 all = (a + b) + (c + d);
            sums[get_global_id(0)] = (all.x + all.y) + (all.z + all.w);
        }

        // 16 chains a work-item. 32 FLOPs a round.
        kernel void multiply_add(float factor, float term, int rounds, global float* sums)
        {
            const float m = factor, t = term;
            float x0 = get_global_id(0), x1 = x0 + 1, x2 = x0 + 2, x3 = x0 + 3, x4 = x0 + 4, x5 = x0 + 5, x6 = x0 + 6, x7 = x0 + 7;
            float y0 = x0 + 8, y1 = x0 + 9, y2 = x0 + 10, y3 = x0 + 11, y4 = x0 + 12, y5 = x0 + 13, y6 = x0 + 14, y7 = x0 + 15;
            for (int i = 0; i < rounds; i++)
            {
                x0 = fma(x0, m, t); x1 = fma(x1, m, t); x2 = fma(x2, m, t); x3 = fma(x3, m, t);
                x4 = fma(x4, m, t); x5 = fma(x5, m, t); x6 = fma(x6, m, t); x7 = fma(x7, m, t);
                y0 = fma(y0, m, t); y1 = fma(y1, m, t); y2 = fma(y2, m, t); y3 = fma(y3, m, t);
                y4 = fma(y4, m, t); y5 = fma(y5, m, t); y6 = fma(y6, m, t); y7 = fma(y7, m, t);
            }

            sums[get_global_id(0)] = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) + ((y0 + y1) + (y2 + y3)) + ((y4 + y5) + (y6 + y7));
        }

        // Reads as read_linear does and has 16 multiply-adds for each element: 8 FLOPs for a byte. Few registers, so that a device has
        // as many other work-items as it can while one waits.
        kernel void read_and_multiply(global const float4* data, int count, float factor, global float* sums)
        {
            const int step = get_global_size(0);
            float4 a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
            for (int i = get_global_id(0); i < count; i += 4 * step)
            {
                const float4 x = data[i], y = data[i + step], z = data[i + 2 * step], w = data[i + 3 * step];
                for (int j = 0; j < 16; j++)
                {
                    const float4 q = factor + j;
                    a = fma(x, q, a);
                    b = fma(y, q, b);
                    c = fma(z, q, c);
                    d = fma(w, q, d);
                }
            }

            const float4 all = (a + b) + (c + d);
            sums[get_global_id(0)] = (all.x + all.y) + (all.z + all.w);
        }
        """u8;

    /// <summary>For NVIDIA GPUs of compute capability 8.0 and later: products by warps.</summary>
    public static ReadOnlySpan<byte> WarpProducts => Encoding.UTF8.GetBytes(Operands + """
        // d += a·b: a float16 [16, 16], b float16 [16, 8], d float32 [16, 8], spread over the 32 work-items of a warp.
        #define MMA_M16N8K16(d) \
            asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" \
                : "+f"(d.x), "+f"(d.y), "+f"(d.z), "+f"(d.w) \
                : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y))

        // 8 chains a warp: 32768 FLOPs a round of a warp, 1024 of a work-item.
        kernel __attribute__((reqd_work_group_size(256, 1, 1))) void tensor_multiply(uint seed, int rounds, global float* sums)
        {
            const uint s = seed + 6 * (uint)get_global_id(0);
            const uint4 a = (uint4)(operands(s), operands(s + 1), operands(s + 2), operands(s + 3));
            const uint2 b = (uint2)(operands(s + 4), operands(s + 5));
            float4 d0 = 0.0f, d1 = 0.0f, d2 = 0.0f, d3 = 0.0f, d4 = 0.0f, d5 = 0.0f, d6 = 0.0f, d7 = 0.0f;
            for (int i = 0; i < rounds; i++)
            {
                MMA_M16N8K16(d0); MMA_M16N8K16(d1); MMA_M16N8K16(d2); MMA_M16N8K16(d3);
                MMA_M16N8K16(d4); MMA_M16N8K16(d5); MMA_M16N8K16(d6); MMA_M16N8K16(d7);
            }

            const float4 all = ((d0 + d1) + (d2 + d3)) + ((d4 + d5) + (d6 + d7));
            sums[get_global_id(0)] = (all.x + all.y) + (all.z + all.w);
        }
        """);

    /// <summary>
    /// For NVIDIA GPUs of compute capability 9.0, to be built by <see cref="Sm90Assembly"/>: products by groups of four warps out of
    /// local memory. Two groups a multiprocessor, one of which multiplies while the other waits, and the widest matrix, which reads the
    /// least for a product.
    /// </summary>
    public static ReadOnlySpan<byte> WarpGroupProducts => Encoding.UTF8.GetBytes(Operands + """
        #define PANEL_ROW 128 // bytes: 64 columns
        #define LEFT_ROWS 64
        #define RIGHT_ROWS 256
        #define GROUPS 2

        // Registers of a product, as operands that an instruction reads and writes.
        #define REGISTERS_4(x) "+f"((x).s0), "+f"((x).s1), "+f"((x).s2), "+f"((x).s3)
        #define REGISTERS_16(d) REGISTERS_4((d)[0]), REGISTERS_4((d)[1]), REGISTERS_4((d)[2]), REGISTERS_4((d)[3])
        #define REGISTERS_64(d) REGISTERS_16(d), REGISTERS_16((d) + 4), REGISTERS_16((d) + 8), REGISTERS_16((d) + 12)
        #define REGISTERS_128(d) REGISTERS_64(d), REGISTERS_64((d) + 16)

        // A panel in local memory, pieces of 16 bytes exchanged within 8 rows of 128 bytes.
        static ulong matrix_at(uint address)
        {
            return (ulong)(address >> 4) | 1UL << 16 | (ulong)(8 * PANEL_ROW >> 4) << 32 | 1UL << 62;
        }

        // d (64 x 256, spread over the work-items of a group) += a (64 x 16) times b (16 x 256).
        static void multiply(float4* d, ulong a, ulong b)
        {
            asm volatile("//@sm90a wgmma.mma_async.sync.aligned.m64n256k16.f32.f16.f16 {"
                "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
                "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
                "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
                "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
                "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
                "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
                "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
                "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
                "}, %128, %129, 1, 1, 1, 0, 0;"
                : REGISTERS_128(d)
                : "l"(a), "l"(b));
        }

        // 4 products a group: 2^22 FLOPs a round of a work-group, 16384 of a work-item.
        kernel __attribute__((reqd_work_group_size(256, 1, 1))) void tensor_multiply(uint seed, int rounds, global float* sums)
        {
            local uint panels[(GROUPS * LEFT_ROWS + RIGHT_ROWS) * PANEL_ROW / 4] __attribute__((aligned(1024)));
            const int thread = get_local_id(0);
            for (int i = thread; i < (GROUPS * LEFT_ROWS + RIGHT_ROWS) * PANEL_ROW / 4; i += 256)
            {
                panels[i] = operands(seed + i);
            }

            // What was written is seen by asynchronous products.
            asm volatile("//@sm90a fence.proxy.async.shared::cta;" : : : "memory");
            barrier(CLK_LOCAL_MEM_FENCE);
            const uint panels_at = (uint)(size_t)panels; // a local pointer is its address in shared memory
            const ulong left = matrix_at(panels_at + thread / 128 * (LEFT_ROWS * PANEL_ROW));
            const ulong right = matrix_at(panels_at + GROUPS * LEFT_ROWS * PANEL_ROW);
            float4 d[32];
            #pragma unroll
            for (int i = 0; i < 32; i++)
            {
                d[i] = (float4)(0.0f);
            }

            for (int i = 0; i < rounds; i++)
            {
                asm volatile("//@sm90a wgmma.fence.sync.aligned;" : : : "memory");
                #pragma unroll
                for (int k = 0; k < 4; k++)
                {
                    multiply(d, left + k * 2, right + k * 2); // 16 columns are 32 bytes of a panel's row
                }

                asm volatile("//@sm90a wgmma.commit_group.sync.aligned;" : : : "memory");
                asm volatile("//@sm90a wgmma.wait_group.sync.aligned 0;" : REGISTERS_128(d) : : "memory");
            }

            float4 all = (float4)(0.0f);
            #pragma unroll
            for (int i = 0; i < 32; i++)
            {
                all += d[i];
            }

            sums[get_global_id(0)] = (all.x + all.y) + (all.z + all.w);
        }
        """);

    private const string Operands = """
        // Two float16 of either sign with a magnitude from 1 to 2: operands of zero would draw less power, and the clock be higher.
        static uint operands(uint seed)
        {
            seed = seed * 747796405u + 2891336453u;
            seed = ((seed >> ((seed >> 28) + 4)) ^ seed) * 277803737u;
            return (seed & 0x83ff83ffu) | 0x3c003c00u;
        }


        """;
}
