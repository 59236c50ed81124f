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

    /// <summary>A function that loads four elements of a row of <paramref name="dim"/> elements as float32.</summary>
    public static void LoadFunction(CodeWriter writer, string name, Codec codec, int dim, string dimName)
    {
        bool whole = dim % 4 == 0;
        writer.Add(whole
            ? $"// Elements d to d + 3 of a row, as float32."
            : $"// Elements d to d + 3 of a row, as float32; zeros past {dimName}.");
        writer.Open($"static float4 {name}(global const {codec.StorageType}* row, int d)");
        if (!whole)
        {
            writer.Open($"if (d + 4 > {dimName})");
            writer.Add($"""
                return (float4)({codec.Load("row", "d", 1)},
                    d + 1 < {dimName} ? {codec.Load("row", "d + 1", 1)} : 0.0f,
                    d + 2 < {dimName} ? {codec.Load("row", "d + 2", 1)} : 0.0f, 0.0f);
                """);
            writer.Close();
        }

        writer.Add($"return {codec.Load("row", "d", 4)};");
        writer.Close().Line();
    }

    /// <summary>A function that stores four float32 elements into a row of <paramref name="dim"/> elements.</summary>
    public static void StoreFunction(CodeWriter writer, string name, PlainCodec codec, int dim, string dimName)
    {
        bool whole = dim % 4 == 0;
        writer.Add(whole
            ? $"// Stores x as elements d to d + 3 of a row."
            : $"// Stores x as elements d to d + 3 of a row; nothing past {dimName}.");
        writer.Open($"static void {name}(global {codec.StorageType}* row, int d, float4 x)");
        if (!whole)
        {
            writer.Open($"if (d + 4 > {dimName})");
            writer.Add(codec.Store("row + d", "x.s0"));
            writer.Add($"if (d + 1 < {dimName}) {codec.Store("row + d + 1", "x.s1")}");
            writer.Add($"if (d + 2 < {dimName}) {codec.Store("row + d + 2", "x.s2")}");
            writer.Add("return;");
            writer.Close();
        }

        writer.Add(codec.Store4("row + d", "x"));
        writer.Close().Line();
    }

    /// <summary>A function that adds the products of two float vectors' elements to a sum, one multiply-add each.</summary>
    public static void AddProducts(CodeWriter writer, int width)
    {
        writer.Open($"static float add_products(float sum, float{width} a, float{width} b)");
        for (int i = 0; i < width; i++)
        {
            writer.Add($"sum += a.s{i} * b.s{i};");
        }

        writer.Add("return sum;").Close().Line();
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
