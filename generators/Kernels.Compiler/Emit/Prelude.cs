using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit;

/// <summary>What kernels begin with: a comment that says what they are, their constants, and how rows are loaded and stored.</summary>
internal static class Prelude
{
    public static void Header(CodeWriter writer, KernelContext context, string what)
    {
        AttentionSpec spec = context.Spec;
        string grouping = spec.GroupSize == 1 ? "multi-head"
            : spec.KvHeads == 1 ? "multi-query"
            : $"grouped-query, {spec.GroupSize} query heads to a KV head";
        writer.Add($"""
            // {spec.Name}: {what}
            // Target: {context.Target.DisplayName}
            // Heads: {spec.QueryHeads} query, {spec.KvHeads} KV ({grouping}); d_qk {spec.HeadDim}, d_v {spec.ResolvedValueDim}; {context.Rules.DisplayName}
            // Storage: queries and outputs {context.Storage.DisplayName}, {context.Addressing.DisplayName} in {context.Cache.DisplayName}; arithmetic float32
            """);
        writer.Line();
    }

    public static void HeadConstants(CodeWriter writer, AttentionSpec spec) => writer.Add($"""
        #define QUERY_HEADS {spec.QueryHeads}
        #define KV_HEADS {spec.KvHeads}
        #define GROUP {spec.GroupSize} // query heads that share a KV head
        #define HEAD_DIM {spec.HeadDim} // elements of a query or a key
        #define VALUE_DIM {spec.ResolvedValueDim} // elements of a value or an output
        """);

    /// <summary>The constants of the cache's type, where it has any.</summary>
    public static void Constants(CodeWriter writer, Codec cache)
    {
        if (cache.Constants.Length > 0)
        {
            writer.Add(cache.Constants);
        }
    }

    /// <summary>Helper functions, each once in a text; empty ones are none.</summary>
    public static void Helpers(CodeWriter writer, params string[] helpers)
    {
        foreach (string helper in helpers)
        {
            writer.AddHelper(helper);
        }
    }
}
