using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Hopper's own instructions as functions with names. Those that only the target sm_90a knows are PTX comments behind
/// <see cref="Marker"/>; the runtime takes it away from the built program's PTX and has that assembled for sm_90a.
/// </summary>
internal static class HopperPtx
{
    /// <summary>What hides an instruction from the first assembler.</summary>
    public const string Marker = "//@sm90a ";

    /// <summary>Barriers in local memory that count arrivals, and copies that arrive at them.</summary>
    public const string Barriers = """
        static void init_barrier(uint barrier_at, uint arrivals)
        {
            asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(barrier_at), "r"(arrivals) : "memory");
        }

        static void arrive(uint barrier_at)
        {
            asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" : : "r"(barrier_at) : "memory");
        }

        // Waits for the end of the barrier's phase of this parity.
        static void wait_phase(uint barrier_at, uint parity)
        {
            uint ended;
            do
            {
                asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                    : "=r"(ended) : "r"(barrier_at), "r"(parity) : "memory");
            } while (!ended);
        }

        // What was written to local memory before is seen by asynchronous products and copies after.
        static void fence_asynchronous(void)
        {
            asm volatile("fence.proxy.async.shared::cta;" : : : "memory");
        }
        """;

    /// <summary>For copies in pieces of 16 bytes or less.</summary>
    public const string ArriveWhenCopied = """
        // This work-item arrives when all copies that it has started are there.
        static void arrive_when_copied(uint barrier_at)
        {
            asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" : : "r"(barrier_at) : "memory");
        }
        """;

    /// <summary>A barrier of the work-items that hold rows.</summary>
    /// <param name="items">Constant: how many they are.</param>
    public static string RowBarrier(string items) => $$"""
        // The work-items that hold rows wait for one another.
        static void row_barrier(void)
        {
            asm volatile("bar.sync 1, %0;" : : "n"({{items}}) : "memory");
        }
        """;

    /// <summary>Copies of many bytes by one work-item, which arrive at a barrier that counts bytes.</summary>
    public const string CopyBulk = """
        // This work-item arrives; the phase ends when so many bytes more have arrived.
        static void arrive_and_expect(uint barrier_at, uint bytes)
        {
            asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(barrier_at), "r"(bytes) : "memory");
        }

        // Starts the copy of a multiple of 16 bytes to local memory.
        static void copy_bulk(uint to, global const void* from, uint bytes, uint barrier_at)
        {
            asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];"
                : : "r"(to), "l"(from), "r"(bytes), "r"(barrier_at) : "memory");
        }
        """;

    /// <summary>Moves registers between groups of four warps; the numbers are those of a work-item, and of all together there are no more than at the start.</summary>
    public const string Registers = $$"""
        // Four warps give registers back to the multiprocessor.
        #define give_registers(left) asm volatile("{{Marker}}setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(left))

        // Four warps wait until they have that many registers.
        #define take_registers(wanted) asm volatile("{{Marker}}setmaxnreg.inc.sync.aligned.u32 %0;" : : "n"(wanted))
        """;

    /// <summary>The descriptor of a matrix in local memory, and the order of products and registers.</summary>
    public const string Products = $$"""
        // A matrix in local memory in panels of 128 bytes a row, pieces of 16 bytes exchanged within 8 rows.
        static ulong matrix_at(uint address, uint panel_bytes)
        {
            return (ulong)(address >> 4) | (ulong)(panel_bytes >> 4) << 16 | (ulong)(1024 >> 4) << 32 | 1UL << 62;
        }

        // Products that follow see the registers as they are now.
        static void begin_products(void)
        {
            asm volatile("{{Marker}}wgmma.fence.sync.aligned;" : : : "memory");
        }

        // The products since the last call are one group.
        static void close_products(void)
        {
            asm volatile("{{Marker}}wgmma.commit_group.sync.aligned;" : : : "memory");
        }
        """;

    /// <summary>Waits until all groups of products but the last <paramref name="pending"/> are done; <paramref name="columns"/> / 2 registers are theirs.</summary>
    public static string Wait(string name, int columns, int pending) => $$"""
        static void {{name}}(float4* d)
        {
            asm volatile("{{Marker}}wgmma.wait_group.sync.aligned {{pending}};" : {{Outputs(columns)}} : : "memory");
        }
        """;

    /// <summary>d (64 × columns) += a (64 × 16, in local memory) · b (16 × columns, in local memory, a column's elements adjacent; a row's if transposed).</summary>
    public static string MultiplyLocal(string name, string element, int columns, bool transposed) => $$"""
        // d (64 x {{columns}}) = a (64 x 16) times b (16 x {{columns}}), both in local memory, added to d if `adds`.
        static void {{name}}(float4* d, ulong a, ulong b, int adds)
        {
            asm volatile("{ {{Marker}}\n"
                "{{Marker}}.reg .pred p; setp.ne.b32 p, %{{(columns / 2) + 2}}, 0;\n"
                "{{Marker}}wgmma.mma_async.sync.aligned.m64n{{columns}}k16.f32.{{element}}.{{element}} {"
                {{RegisterNames(columns)}}
                "}, %{{columns / 2}}, %{{(columns / 2) + 1}}, p, 1, 1, 0, {{(transposed ? 1 : 0)}};\n"
                "}"
                : {{Outputs(columns)}}
                : "l"(a), "l"(b), "r"(adds));
        }
        """;

    /// <summary>d (64 × columns) += a (64 × 16, in registers) · b (16 × columns, in local memory, a row's elements adjacent).</summary>
    public static string MultiplyRegisters(string name, string element, int columns) => $$"""
        // d (64 x {{columns}}) += a (64 x 16, in registers) times b (16 x {{columns}}, in local memory).
        static void {{name}}(float4* d, uint4 a, ulong b)
        {
            asm volatile("{{Marker}}wgmma.mma_async.sync.aligned.m64n{{columns}}k16.f32.{{element}}.{{element}} {"
                {{RegisterNames(columns)}}
                "}, {%{{columns / 2}}, %{{(columns / 2) + 1}}, %{{(columns / 2) + 2}}, %{{(columns / 2) + 3}}}, %{{(columns / 2) + 4}}, 1, 1, 1, 1;"
                : {{Outputs(columns)}}
                : "r"(a.s0), "r"(a.s1), "r"(a.s2), "r"(a.s3), "l"(b));
        }
        """;

    public static string RegisterNames(int columns) => string.Join("\n", Enumerable.Range(0, (columns + 31) / 32).Select(line =>
        "\"" + string.Concat(Enumerable.Range(line * 16, Math.Min(16, (columns / 2) - (line * 16))).Select(i => $"%{i}{(i < (columns / 2) - 1 ? ", " : "")}")) + "\""));

    private static string Outputs(int columns) => $"REGISTERS_{columns / 2}(d)";

    /// <summary>Lists of the registers of matrices of so many columns, as operands that an instruction reads and writes.</summary>
    public static IEnumerable<Holes> RegisterLists(params int[] columns)
    {
        int before = 0;
        foreach (int count in Enumerable.Range(1, columns.Max() / 32).Select(i => 16 * i).Concat(columns.Select(c => c / 2)).Distinct().OrderBy(i => i))
        {
            string more = string.Join(", ", Enumerable.Range(before / 4, (count - before) / 4).Select(i => $"REGISTERS_4((d)[{i}])"));
            yield return new() { { "count", count }, { "registers", before > 0 ? $"REGISTERS_{before}(d), {more}" : more } };
            before = count;
        }
    }
}
