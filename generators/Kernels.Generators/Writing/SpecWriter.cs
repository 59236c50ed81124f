using System.Globalization;
using Kernels.Compiler.Emit;
using Kernels.Compiler.Planning;
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
        string remarks = $"{spec.QueryHeads} query heads over {spec.KvHeads} KV heads ({grouping}), d_qk {spec.HeadDim}, d_v {spec.ResolvedValueDim}, "
            + $"{(spec.Mask == AttentionMask.None ? "no mask" : spec.Mask.ToString().ToLowerInvariant())}, {spec.Storage} over a cache in {spec.ResolvedCacheStorage}.";
        return CSharpFile.Write(model, remarks, $" : global::Kernels.IAttentionSpec<{model.Type.Identifier}>", writer =>
        {
            Numbers(writer, spec);
            Descriptor(writer, model.Type.Name, spec);
            Layout(writer, spec);
        });
    }

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
        public const long CacheBytesPerToken = {CacheBytes(spec, spec.HeadDim) + CacheBytes(spec, spec.ResolvedValueDim) + ScaleBytes(spec)};

        /// <summary>Floating-point operations that one query token costs for each key that it sees, over all heads: 2 × H_q × (d_qk + d_v).</summary>
        {CSharpFile.GeneratedCode}
        public const long FlopsPerQueryAndKey = {2L * spec.QueryHeads * (spec.HeadDim + spec.ResolvedValueDim)};
        """).Line();

    private static void Descriptor(CodeWriter writer, string name, AttentionSpec spec)
    {
        writer.Add("/// <inheritdoc/>");
        writer.Add(CSharpFile.GeneratedCode);
        writer.Add("public static global::Kernels.AttentionDescriptor Descriptor { get; } = new(");
        writer.Add($"""
                "{name}",
                new global::Kernels.AttentionShape(
                    QueryHeads: {spec.QueryHeads}, KvHeads: {spec.KvHeads}, HeadDim: {spec.HeadDim}, ValueDim: {spec.ResolvedValueDim}, Scale: {Double(spec.ResolvedScale)},
                    Mask: global::Kernels.AttentionMask.{spec.Mask}, Storage: global::Kernels.ElementType.{spec.Storage}, CacheStorage: global::Kernels.ElementType.{spec.ResolvedCacheStorage}, Layout: global::Kernels.KvLayout.{spec.Layout}),
                [{string.Join(", ", Planner.TargetsOf(spec).Select(target => $"global::Kernels.KernelTarget.{target}"))}],
                static target => target switch
            """);
        writer.Add("    {");
        foreach (KernelTarget target in Planner.TargetsOf(spec))
        {
            KernelPlan plan = Planner.Plan(spec, target);
            writer.Add($"""
                        global::Kernels.KernelTarget.{target} => new global::Kernels.KernelGeometry(
                            Prefill: {Tile(plan.Prefill)},
                            Decode: {Tile(plan.Decode)},
                            AppendWorkGroupSize: {plan.AppendWorkGroupSize}, CombineWorkGroupSize: {plan.CombineWorkGroupSize}),
                """);
        }

        writer.Add("""
                    _ => throw new global::System.ArgumentOutOfRangeException(nameof(target), target, "No kernel was emitted for this target."),
                },
                KernelSources.Get);
            """);
        writer.Line();
    }

    private static void Layout(CodeWriter writer, AttentionSpec spec)
    {
        string axes = spec.Layout == KvLayout.Hnd ? "[sequence, KV head, token, dim]" : "[sequence, token, KV head, dim]";
        writer.Add($"/// <summary>Where things lie in the cache of one layer: keys and values in a buffer each, {axes}, {spec.ResolvedCacheStorage}. Offsets and strides count elements.</summary>");
        writer.Add(CSharpFile.GeneratedCode);
        writer.Open("public static class CacheLayout");
        writer.Add(spec.ResolvedCacheStorage.BitsPerElement() >= 8
            ? $"""
                /// <summary>Bytes of one element.</summary>
                public const int ElementBytes = {spec.ResolvedCacheStorage.SizeInBytes()};
                """
            : $"""
                /// <summary>Elements of one byte; the one with the even offset lies in the low half.</summary>
                public const int ElementsPerByte = {8 / spec.ResolvedCacheStorage.BitsPerElement()};
                """);
        foreach ((string name, string dimName, int dim) in new[] { ("Key", "HeadDim", spec.HeadDim), ("Value", "ValueDim", spec.ResolvedValueDim) })
        {
            string lower = name.ToLowerInvariant();
            (string token, string head) = Strides(spec, name, dim);
            writer.Line();
            writer.Add($$"""
                /// <summary>Bytes that one token's {{lower}}s take over all KV heads.</summary>
                public const long {{name}}BytesPerToken = {{CacheBytes(spec, dim)}};

                /// <summary>From one token's {{lower}} to the next of the same head.</summary>
                {{token}}

                /// <summary>From one head's {{lower}} to the next head's of the same token.</summary>
                {{head}}

                /// <summary>From one sequence to the next.</summary>
                public static long {{name}}SequenceStride(int capacity) => (long)capacity * {{spec.KvHeads * dim}};

                /// <summary>Where an element of a {{lower}} lies in a cache whose sequences have room for <paramref name="capacity"/> tokens.</summary>
                /// <exception cref="global::System.ArgumentOutOfRangeException">An index is outside its axis.</exception>
                public static long {{name}}Offset(int sequence, int kvHead, int token, int dim, int capacity)
                {
                    global::System.ArgumentOutOfRangeException.ThrowIfNegative(sequence);
                    global::System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)kvHead, (uint)KvHeads, nameof(kvHead));
                    global::System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)token, (uint)capacity, nameof(token));
                    global::System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)dim, (uint){{dimName}}, nameof(dim));
                    return (sequence * {{name}}SequenceStride(capacity)) + (kvHead * {{name}}HeadStride(capacity)) + (token * {{name}}TokenStride) + dim;
                }
                """);
        }

        if (spec.ResolvedCacheStorage.Scale() == CacheScale.PerToken)
        {
            ScaleLayout(writer, spec);
        }

        writer.Close();
    }

    /// <summary>The scales of rows: float32, in two buffers laid out as the keys and values, with one element a row.</summary>
    private static void ScaleLayout(CodeWriter writer, AttentionSpec spec)
    {
        (string token, string head) = Strides(spec, "Scale", 1);
        writer.Line();
        writer.Add($$"""
            /// <summary>Bytes that one token's scales of keys and of values, float32 in a buffer each, take over all KV heads.</summary>
            public const long ScaleBytesPerToken = {{ScaleBytes(spec)}};

            /// <summary>From one token's scale to the next of the same head.</summary>
            {{token}}

            /// <summary>From one head's scale to the next head's of the same token.</summary>
            {{head}}

            /// <summary>From one sequence to the next.</summary>
            public static long ScaleSequenceStride(int capacity) => (long)capacity * {{spec.KvHeads}};

            /// <summary>Where the scale of a key, or of a value, lies in a cache whose sequences have room for <paramref name="capacity"/> tokens.</summary>
            /// <exception cref="global::System.ArgumentOutOfRangeException">An index is outside its axis.</exception>
            public static long ScaleOffset(int sequence, int kvHead, int token, int capacity)
            {
                global::System.ArgumentOutOfRangeException.ThrowIfNegative(sequence);
                global::System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)kvHead, (uint)KvHeads, nameof(kvHead));
                global::System.ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)token, (uint)capacity, nameof(token));
                return (sequence * ScaleSequenceStride(capacity)) + (kvHead * ScaleHeadStride(capacity)) + (token * ScaleTokenStride);
            }
            """);
    }

    private static (string Token, string Head) Strides(AttentionSpec spec, string name, int dim) => spec.Layout == KvLayout.Hnd
        ? ($"public const long {name}TokenStride = {dim};", $"public static long {name}HeadStride(int capacity) => (long)capacity * {dim};")
        : ($"public const long {name}TokenStride = {spec.KvHeads * dim};", $"public static long {name}HeadStride(int capacity) => {dim};");

    private static string Tile(TilePlan tile) =>
        $"new(Rows: {tile.Rows}, Keys: {tile.Keys}, WorkGroupSize: {tile.WorkGroupSize}, LocalBytes: {tile.LocalBytes}, GroupsPerUnit: {tile.GroupsPerUnit})";

    private static long CacheBytes(AttentionSpec spec, int dim) =>
        (long)spec.KvHeads * spec.ResolvedCacheStorage.RowBytes(dim);

    private static long ScaleBytes(AttentionSpec spec) =>
        spec.ResolvedCacheStorage.Scale() == CacheScale.PerToken ? 2L * spec.KvHeads * sizeof(float) : 0;

    private static string Double(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
