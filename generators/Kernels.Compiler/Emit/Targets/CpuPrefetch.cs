namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Hints which rows will be read soon. A CPU's own prefetchers stop at the end of a memory page, which a few rows fill;
/// they start anew in every page.
/// </summary>
internal static class CpuPrefetch
{
    /// <summary>Bytes that a hint asks for.</summary>
    public const int LineBytes = 64;

    /// <summary>The function that hints at a line.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="level">
    /// The cache that the line is to come into: 2 for what comes from memory, since the first level waits for so few lines at a
    /// time that hints hold up the loads; 1 for what mostly is in the other levels already.
    /// </param>
    public static void DeclareLine(CodeWriter writer, int level) => writer.Add($$"""
        // Hints that the {{LineBytes}} bytes at an address are read soon; nothing where the compiler does not know the processor.
        static void prefetch_line(global const void* line)
        {
        #if defined(__x86_64__) || defined(__aarch64__)
            __builtin_prefetch((const void*)(size_t)line, 0, {{4 - level}}); // into the cache of level {{level}}
        #endif
        }
        """).Line();
}
