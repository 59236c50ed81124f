using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Writes new keys and values into their slots of the cache.</summary>
internal static class AppendAlgorithm
{
    public static string Write(KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        return new KernelText().Render("Common/append", new(context.Holes)
        {
            { "converts", spec.Storage != spec.ResolvedCacheStorage },
            { "scales_groups", spec.CacheScale == CacheScale.PerGroup },
            { "store_row_function", context.Cache.StoreRowFunction },
            { "entry", KernelEntryPoint.Of(KernelAlgorithm.Append) },
            { "parameters", KernelParameters.Of(context, KernelAlgorithm.Append) },
            { "scale_of", arguments => $"{arguments[0]}_scales{(context.ScalesTokens ? " + scale_index" : "[kv_head]")}" },
            { "store_cached", arguments => context.Cache.Store(arguments[0], arguments[1]) },
            { "store_cached_function", context.Cache.StoreFunction },
        });
    }
}
