using System.Globalization;
using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Targets;
using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;

namespace Kernels.Generators.Writing;

/// <summary>Writes what needs no device: the spec's numbers, its cache layout, and the members of the contract.</summary>
internal static class SpecWriter
{
    public static string Write(SpecModel model)
    {
        AttentionSpec spec = model.Spec;
        string grouping = spec.GroupSize == 1 ? "multi-head attention"
            : spec.KvHeads == 1 ? "multi-query attention"
            : $"grouped-query attention, {spec.GroupSize} query heads to a KV head";
        string remarks =
            $"{spec.QueryHeads} query heads over {spec.KvHeads} KV heads ({grouping}), "
            + $"d_qk {spec.HeadDim}, d_v {spec.ResolvedValueDim}, "
            + $"{string.Join(", ", Options(spec))}, {spec.Storage} over a cache in {spec.ResolvedCacheStorage}.";
        return CSharpFile.Write(model, remarks, $" : global::Kernels.IAttentionSpec<{model.Type.Identifier}>", writer =>
        {
            Numbers(writer, spec);
            Descriptor(writer, model);
            ReferenceWriter.Write(writer, model);
            new CacheLayoutWriter(spec).Write(writer);
        });
    }

    /// <summary>Floating-point operations of one query token and one key, over all heads.</summary>
    public static long FlopsPerQueryAndKey(AttentionSpec spec) => spec.Shape.FlopsPerQueryAndKey;

    private static void Numbers(CodeWriter writer, AttentionSpec spec) => writer.Add($"""
        /// <summary>Query heads, H_q.</summary>
        {CSharpFile.GeneratedCode}
        public const int QueryHeads = {spec.QueryHeads};

        /// <summary>Key-value heads, H_kv.</summary>
        {CSharpFile.GeneratedCode}
        public const int KvHeads = {spec.KvHeads};

        /// <summary>Elements of one head of a query or a key, d_qk.</summary>
        {CSharpFile.GeneratedCode}
        public const int HeadDim = {spec.HeadDim};

        /// <summary>Elements of one head of a value or an output, d_v.</summary>
        {CSharpFile.GeneratedCode}
        public const int ValueDim = {spec.ResolvedValueDim};

        /// <summary>Bytes that one token takes in the cache of one layer; decode reads them once for each token of context.</summary>
        {CSharpFile.GeneratedCode}
        public const long CacheBytesPerToken = {CacheLayoutWriter.BytesPerToken(spec)};

        /// <summary>
        /// Floating-point operations that one query token costs for each key that it sees, over all heads: 2 × H_q × (d_qk + d_v).
        /// </summary>
        {CSharpFile.GeneratedCode}
        public const long FlopsPerQueryAndKey = {FlopsPerQueryAndKey(spec)};
        """).Line();

    private static void Descriptor(CodeWriter writer, SpecModel model)
    {
        AttentionSpec spec = model.Spec;
        writer.Add("/// <inheritdoc/>");
        writer.Add(CSharpFile.GeneratedCode);
        if (model.IsBroken)
        {
            writer.Add($"public static global::Kernels.AttentionDescriptor Descriptor => {CSharpFile.ThrowBroken(model)};").Line();
            return;
        }

        writer.Add("public static global::Kernels.AttentionDescriptor Descriptor { get; } = new(");
        writer.Add($"""
                "{model.Type.Name}",
                new global::Kernels.AttentionShape(
                    QueryHeads: {spec.QueryHeads}, KvHeads: {spec.KvHeads}, HeadDim: {spec.HeadDim}, ValueDim: {spec.ResolvedValueDim}, Scale: {Double(spec.ResolvedScale)},
                    Mask: global::Kernels.AttentionMask.{spec.Mask}, Storage: global::Kernels.ElementType.{spec.Storage}, CacheStorage: global::Kernels.ElementType.{spec.ResolvedCacheStorage}, Layout: global::Kernels.KvLayout.{spec.Layout}){Initializer(spec)},
                [{string.Join(", ", Target.For(spec).Select(target => $"global::Kernels.KernelTarget.{target}"))}],
                static target => target switch
            """);
        writer.Add("    {");
        foreach (KernelTarget target in Target.For(spec))
        {
            KernelPlan plan = Target.Of(target).Plan(spec);
            writer.Add($"""
                        global::Kernels.KernelTarget.{target} => new global::Kernels.KernelGeometry(
                            Target: target,
                            Prefill: {Tile(plan.Prefill)},
                            Decode: {Tile(plan.Decode)},
                            AppendWorkGroupSize: {plan.AppendWorkGroupSize}, CombineWorkGroupSize: {plan.CombineWorkGroupSize}){Variants(plan)},
                """);
        }

        writer.Add($$"""
                    _ => throw new global::System.ArgumentOutOfRangeException(nameof(target), target, "No kernel was emitted for this target."),
                },
                KernelSources.Get){{Mods(spec)}};
            """);
        writer.Line();
    }

    /// <summary>What the descriptor has beside its parameters, of a spec with mods.</summary>
    private static string Mods(AttentionSpec spec)
    {
        int heads = TileClasses.Heads(spec);
        return (spec.ModInputs.Count > 0, heads > 0) switch
        {
            (true, true) => $" {{ HasModInputs = true, BlockMaskHeads = {heads} }}",
            (true, false) => " { HasModInputs = true }",
            (false, true) => $" {{ BlockMaskHeads = {heads} }}",
            _ => "",
        };
    }

    /// <summary>What happens to scores, and how the cache is divided, for people.</summary>
    private static IEnumerable<string> Options(AttentionSpec spec)
    {
        AttentionShape shape = spec.Shape;
        IEnumerable<string> options = AttentionOption.Of(shape).Select(option => option.Describe(shape));
        return spec.PageSize > 0 ? options.Append($"pages of {spec.PageSize} tokens") : options;
    }

    /// <summary>What the shape has beside its parameters, where it is not the default.</summary>
    private static string Initializer(AttentionSpec spec)
    {
        AttentionShape shape = spec.Shape;
        string[] properties =
        [
            .. AttentionOption.Of(shape).Select(option => option.Initializer(shape)),
            shape.LatentCache ? "LatentCache = true" : "",
            shape.HasMods ? "HasMods = true" : "",
            shape.Deterministic ? "Deterministic = true" : "",
            shape.PageSize > 0 ? $"PageSize = {shape.PageSize}" : "",
        ];
        string set = string.Join(", ", properties.Where(property => property.Length > 0));
        return set.Length == 0 ? "" : $" {{ {set} }}";
    }

    private static string Variants(KernelPlan plan) => plan.PrefillVariants.Count == 0
        ? ""
        : $" {{ PrefillVariants = [{string.Join(", ", plan.PrefillVariants.Select(Tile))}] }}";

    private static string Tile(TilePlan tile) =>
        $"new(Rows: {tile.Rows}, Keys: {tile.Keys}, WorkGroupSize: {tile.WorkGroupSize}, "
            + $"LocalBytes: {tile.LocalBytes}, GroupsPerUnit: {tile.GroupsPerUnit}"
            + $"{(tile.MergesSplits ? ", MergesSplits: true" : "")}"
            + $"{(tile.KvHeads > 1 ? $", KvHeads: {tile.KvHeads}" : "")})";

    private static string Double(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
