namespace Kernels.Compiler.Emit.Targets;

/// <summary>NVIDIA's instructions as functions with names: inline PTX is here and nowhere else.</summary>
internal static class NvidiaPtx
{
    /// <summary>16 bytes from global to local memory, asynchronously.</summary>
    public const string Copy = """
        // Starts the copy of 16 bytes to local memory; zeros arrive instead when `valid` is 0.
        static void copy_16(uint to, global const void* from, int valid)
        {
            asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" : : "r"(to), "l"(from), "r"(valid ? 16 : 0));
        }
        """;

    /// <summary>4 bytes from global to local memory, asynchronously.</summary>
    public const string CopyScale = """
        static void copy_4(uint to, global const void* from, int valid)
        {
            asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(to), "l"(from), "r"(valid ? 4 : 0));
        }
        """;

    /// <summary>A barrier of the work-items of a warp.</summary>
    public const string WarpBarrier = """
        static void warp_barrier(void)
        {
            asm volatile("bar.warp.sync 0xffffffff;" : : : "memory");
        }
        """;

    /// <summary>What the work-groups of a launch need to go on from one another's results.</summary>
    public const string DeviceFence = """
        // Writes to global memory before are seen by every work-group that hears of this.
        static void fence_device(void)
        {
            asm volatile("fence.acq_rel.gpu;" : : : "memory");
        }

        // Over a warp.
        static float warp_maximum(float x)
        {
            for (int mask = 16; mask > 0; mask /= 2)
            {
                x = fmax(x, shuffle_xor(x, mask));
            }
            return x;
        }

        static float warp_total(float x)
        {
            for (int mask = 16; mask > 0; mask /= 2)
            {
                x += shuffle_xor(x, mask);
            }
            return x;
        }
        """;

    /// <summary>Copies in groups, for kernels whose warps all copy and all multiply.</summary>
    public const string CopyGroups = """
        // What was started since the last call is one group.
        static void close_copies(void)
        {
            asm volatile("cp.async.commit_group;");
        }

        // Waits until all groups but the last STAGES - 2 have arrived.
        static void wait_copies(void)
        {
            asm volatile("cp.async.wait_group %0;" : : "n"(STAGES - 2));
        }
        """;

    /// <summary>Fragments from local memory.</summary>
    public const string LoadMatrix = """
        // Four 8 x 8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
        static uint4 ldmatrix_x4(uint address)
        {
            uint4 m;
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                : "=r"(m.s0), "=r"(m.s1), "=r"(m.s2), "=r"(m.s3) : "r"(address));
            return m;
        }

        // The same, each matrix transposed.
        static uint4 ldmatrix_x4_transposed(uint address)
        {
            uint4 m;
            asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                : "=r"(m.s0), "=r"(m.s1), "=r"(m.s2), "=r"(m.s3) : "r"(address));
            return m;
        }
        """;

    /// <summary>The fragment of a block of eight columns from local memory.</summary>
    public const string LoadMatrix2 = """
        // Two 8 x 8 matrices of 16-bit elements, each transposed; lane l < 16 gives the address of row l % 8 of matrix l / 8.
        static uint2 ldmatrix_x2_transposed(uint address)
        {
            uint2 m;
            asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(m.s0), "=r"(m.s1) : "r"(address));
            return m;
        }
        """;

    /// <summary>Elements of two registers in one.</summary>
    public const string Halves = """
        static uint low_halves(uint a, uint b)
        {
            return (a & 0xFFFF) | b << 16;
        }

        static uint high_halves(uint a, uint b)
        {
            return a >> 16 | (b & 0xFFFF0000);
        }
        """;

    /// <summary>The product of one warp.</summary>
    public static string Multiply(string element) => $$"""
        // c += a (16 x 16) times b (16 x 8).
        static float4 mma_m16n8k16(float4 c, uint4 a, uint b0, uint b1)
        {
            asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.{{element}}.{{element}}.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                : "+f"(c.s0), "+f"(c.s1), "+f"(c.s2), "+f"(c.s3) : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b0), "r"(b1));
            return c;
        }
        """;

    /// <summary>Maxima and sums of rows of 16 x 8 fragments.</summary>
    public const string RowReductions = """
        // Over the four work-items that hold a row.
        static float row_maximum(float x)
        {
            x = fmax(x, shuffle_xor(x, 1));
            return fmax(x, shuffle_xor(x, 2));
        }

        static float row_total(float x)
        {
            x += shuffle_xor(x, 1);
            return x + shuffle_xor(x, 2);
        }
        """;

    /// <summary>Products whose left factor are keys or columns of values, and whose right factor are 8 query rows.</summary>
    public static string MultiplyRows(string element) => $$"""
        // c += a (16 x 16) times b (16 x 8), but for a warp whose work-items all say that it `is_needless`.
        static float4 mma_m16n8k16(float4 c, uint4 a, uint2 b, int is_needless)
        {
            asm volatile("{ .reg .pred needless; setp.ne.s32 needless, %10, 0;\n"
                "@!needless mma.sync.aligned.m16n8k16.row.col.f32.{{element}}.{{element}}.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3}; }"
                : "+f"(c.s0), "+f"(c.s1), "+f"(c.s2), "+f"(c.s3) : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "r"(b.s0), "r"(b.s1), "r"(is_needless));
            return c;
        }

        // An 8 x 8 matrix of 16-bit elements, transposed: work-item l has two adjacent elements of row l / 4.
        static uint transpose(uint x)
        {
            uint y;
            asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
            return y;
        }
        """;

    /// <summary>Maxima and sums of query rows that are columns of 16 x 8 fragments.</summary>
    public const string ColumnReductions = """
        // Over the eight work-items that hold scores of the same rows.
        static float2 rows_maximum(float2 x)
        {
            for (int mask = 4; mask < 32; mask *= 2)
            {
                x = fmax(x, (float2)(shuffle_xor(x.s0, mask), shuffle_xor(x.s1, mask)));
            }
            return x;
        }

        static float2 rows_total(float2 x)
        {
            for (int mask = 4; mask < 32; mask *= 2)
            {
                x += (float2)(shuffle_xor(x.s0, mask), shuffle_xor(x.s1, mask));
            }
            return x;
        }

        // Whether a condition holds for any work-item of the warp.
        static int any_of_warp(int condition)
        {
            int any;
            asm volatile("{ .reg .pred p; setp.ne.s32 p, %1, 0; vote.sync.any.pred p, p, 0xffffffff; selp.s32 %0, 1, 0, p; }" : "=r"(any) : "r"(condition));
            return any;
        }
        """;

    /// <summary>What the softmax of fragments needs.</summary>
    public static string Softmax(string element) => $$"""
        // Two float32 as 16-bit elements in one register, the first in the low half.
        static uint pack(float low, float high)
        {
            uint packed;
            asm volatile("cvt.rn.{{element}}x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
            return packed;
        }

        static float shuffle_xor(float x, int mask)
        {
            float y;
            asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(mask));
            return y;
        }

        // Whether a maximum is so large that what the multiply-add of an exponent does not round, as it did, is more than a few.
        static int is_large(float maximum)
        {
            return fabs(maximum) > 1.0e7f && maximum > -INFINITY;
        }

        static float shuffle_from(float x, int lane)
        {
            float y;
            asm volatile("shfl.sync.idx.b32 %0, %1, %2, 31, 0xffffffff;" : "=f"(y) : "f"(x), "r"(lane));
            return y;
        }

        // Bit l: whether the condition holds for work-item l of the warp.
        static uint ballot(int condition)
        {
            uint all;
            asm volatile("{ .reg .pred p; setp.ne.s32 p, %1, 0; vote.sync.ballot.b32 %0, p, 0xffffffff; }" : "=r"(all) : "r"(condition));
            return all;
        }

        // 2^x; the hardware's function, 0 for -inf.
        static float exp2_fast(float x)
        {
            float y;
            asm volatile("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
            return y;
        }
        """;
}
