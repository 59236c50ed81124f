using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>Writes new keys and values into their slots of the cache.</summary>
internal static class AppendAlgorithm
{
    public static string Write(KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        bool converts = spec.Storage != spec.ResolvedCacheStorage;
        int elementsAtOnce = context.Cache is Int4Codec ? 2 : 1; // as many as a byte has
        return new KernelText().Render("Common/append", new(context.Holes)
        {
            { "converts", converts },
            { "scales_groups", spec.CacheScale == CacheScale.PerGroup },
            { "int8", context.Cache is Int8Codec },
            { "int4", context.Cache is Int4Codec },
            { "float8", context.Cache is Float8E4M3Codec },
            { "entry", KernelEntryPoint.Of(KernelAlgorithm.Append) },
            { "parameters", KernelParameters.Of(context, KernelAlgorithm.Append) },
            { "append_elements", elementsAtOnce * context.Plan.AppendWorkGroupSize },
            { "scale_of", arguments => $"{arguments[0]}_scales{(context.ScalesTokens ? " + scale_index" : "[kv_head]")}" },
            { "store_cached", arguments => ((PlainCodec)context.Cache).Store(arguments[0], arguments[1]) },
            { "store_cached_function", (context.Cache as PlainCodec)?.StoreFunction ?? "" },
        });
    }
}
