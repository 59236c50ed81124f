namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Hints which rows will be read soon. A CPU's own prefetchers stop at the end of a memory page, which a few rows fill;
/// they start anew in every page.
/// </summary>
internal static class CpuPrefetch
{
    public static void Declare(CodeWriter writer) => writer.Add("""
        // Hints that a row's bytes are read soon; nothing where the compiler does not know the processor.
        static void prefetch_row(global const void* row, int bytes)
        {
        #if defined(__x86_64__) || defined(__aarch64__)
            for (int at = 0; at < bytes; at += 64)
            {
                __builtin_prefetch((const void*)((size_t)row + at), 0, 3);
            }
        #endif
        }
        """).Line();
}
