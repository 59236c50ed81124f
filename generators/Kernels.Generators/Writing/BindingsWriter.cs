using Kernels.Compiler.Specs;
using Kernels.Generators.Mods;
using Kernels.Generators.Parsing;

namespace Kernels.Generators.Writing;

/// <summary>Writes the host bindings: the contract of the OpenCL runtime with the spec's own types and shapes in the documentation.</summary>
internal static class BindingsWriter
{
    public static string Write(SpecModel model)
    {
        AttentionSpec spec = model.Spec;
        string name = model.Type.Identifier;
        string element = CSharpFile.HostType(spec.Storage);
        bool paged = spec.PageSize > 0;
        string cache = $"global::Kernels.OpenCL.IKvCache<{name}>";
        string plan = $"global::Kernels.OpenCL.AttentionPlan<{name}>";
        string buffer = $"global::Kernels.OpenCL.DeviceBuffer<{element}>";
        string input = $"global::System.ReadOnlySpan<{element}>";
        string launched = "global::Kernels.OpenCL.ComputeEvent";
        string q = $"[tokens, {spec.QueryHeads}, {spec.HeadDim}]";
        string k = $"[tokens, {spec.KvHeads}, {spec.HeadDim}]";
        string v = $"[tokens, {spec.KvHeads}, {spec.ResolvedValueDim}]";
        string o = $"[tokens, {spec.QueryHeads}, {spec.ResolvedValueDim}]";
        string inputs = string.Concat(Inputs(spec).Select(launch => $$"""
            /// <summary>{{launch.Summary}}; the next launches take it.{{launch.More}}</summary>
            {{CSharpFile.GeneratedCode}}
            public global::Kernels.OpenCL.{{launch.Type}}? {{launch.Name}} { get => launcher.{{launch.Name}}; set => launcher.{{launch.Name}} = value; }


            """)) + (spec.ModInputs.Count > 0
            ? $$"""
                /// <summary>What the mods are given at run time; the next launches take it.</summary>
                {{CSharpFile.GeneratedCode}}
                public {{ModInputsWriter.TypeName}} Inputs { set => launcher.Inputs = value; }


                """
            : "") + (spec.MaskMod is not null
            ? $$"""
                /// <summary>What the mask mod makes of the tiles of a step; the next launches leave out those that it hides. null: the mod is asked about every key.</summary>
                {{CSharpFile.GeneratedCode}}
                public global::Kernels.OpenCL.BlockMask<{{name}}>? BlockMask { get => launcher.BlockMask; set => launcher.BlockMask = value; }

                /// <summary>Classifies the tiles of a step by the mask mod{{(spec.ModInputs.Count > 0 ? " and its inputs as they are now" : "")}}, on the device; does not wait. For all layers, and all steps of the same lengths.</summary>
                /// <param name="plan">The step.</param>
                {{CSharpFile.GeneratedCode}}
                public global::Kernels.OpenCL.BlockMask<{{name}}> CreateBlockMask({{plan}} plan) => launcher.CreateBlockMask(plan);


                """
            : "");
        string createCache = paged
            ? $$"""
                /// <summary>A cache in pages of {{spec.PageSize}} tokens, of <see cref="CacheBytesPerToken"/> bytes a token and layer.</summary>
                /// <param name="pages">Pages that it has; each serves all layers.</param>
                /// <param name="layers">Layers that it has room for.</param>
                /// <exception cref="global::Kernels.OpenCL.DeviceOutOfMemoryException">The device has no room for it; nothing stays allocated.</exception>
                {{CSharpFile.GeneratedCode}}
                public global::Kernels.OpenCL.PagedKvCache<{{name}}> CreateCache(int pages, int layers = 1) => launcher.CreatePagedCache(pages, layers);
                """
            : $$"""
                /// <summary>A cache of <see cref="CacheBytesPerToken"/> bytes a token and layer.</summary>
                /// <param name="sequences">Sequences that it has room for.</param>
                /// <param name="capacity">Tokens that each sequence has room for.</param>
                /// <param name="layers">Layers that it has room for.</param>
                /// <exception cref="global::Kernels.OpenCL.DeviceOutOfMemoryException">The device has no room for it; nothing stays allocated.</exception>
                {{CSharpFile.GeneratedCode}}
                public global::Kernels.OpenCL.KvCache<{{name}}> CreateCache(int sequences, int capacity, int layers = 1) => launcher.CreateCache(sequences, capacity, layers);
                """;
        string interfaces = $"global::Kernels.OpenCL.I{(paged ? "Paged" : "Contiguous")}Attention<{name}, {element}>"
            + (spec.Sinks ? ", global::Kernels.OpenCL.ISinkAttention" : "")
            + (spec.Rope == RopeStyle.None ? "" : ", global::Kernels.OpenCL.IRopeAttention");
        return CSharpFile.Write(model, null, $" : {interfaces}", writer =>
        {
            writer.Add($$"""
            {{CSharpFile.GeneratedCode}}
            private readonly global::Kernels.OpenCL.AttentionLauncher<{{name}}, {{element}}> launcher;

            /// <summary>Prepares the kernels for a device; each is built when a call first needs it.</summary>
            /// <param name="device">The device to run on.</param>
            /// <param name="target">The target whose kernels to run; null, the default, picks by the device's capabilities.</param>
            /// <exception cref="global::Kernels.OpenCL.DeviceLimitException">The device has less local memory, or smaller work-groups, than the kernels take.</exception>
            {{CSharpFile.GeneratedCode}}
            #pragma warning restore CS8618 // what it leaves null of the type's other part is told here
            public {{name}}(global::Kernels.OpenCL.ComputeDevice device, global::Kernels.KernelTarget? target = null) => launcher = new(device, Descriptor, target);
            #pragma warning disable CS8618

            /// <inheritdoc/>
            {{CSharpFile.GeneratedCode}}
            public static {{name}} Create(global::Kernels.OpenCL.ComputeDevice device) => new(device);

            /// <summary>The device that the kernels run on.</summary>
            {{CSharpFile.GeneratedCode}}
            public global::Kernels.OpenCL.ComputeDevice Device => launcher.Device;

            /// <summary>The target whose kernels run.</summary>
            {{CSharpFile.GeneratedCode}}
            public global::Kernels.KernelTarget Target => launcher.Target;

            /// <summary>Why these are the kernels that run, such as what the driver said to those of a newer target.</summary>
            {{CSharpFile.GeneratedCode}}
            public string TargetReason => launcher.TargetReason;

            /// <summary>Which of the emitted prefill tiles runs, and why: see <see cref="global::Kernels.OpenCL.TuningMode"/>.</summary>
            {{CSharpFile.GeneratedCode}}
            public global::Kernels.OpenCL.TileChoice Tuning => launcher.Tuning;

            {{inputs}}{{createCache}}

            /// <summary>A plan, to be built anew for each step and used for all its layers.</summary>
            {{CSharpFile.GeneratedCode}}
            public {{plan}} CreatePlan() => launcher.CreatePlan();

            /// <summary>Enqueues the write of a step's new keys and values into a layer of the cache; does not wait.</summary>
            /// <param name="plan">The step.</param>
            /// <param name="cache">The cache that the plan was built for.</param>
            /// <param name="layer">The layer.</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>
            {{CSharpFile.GeneratedCode}}
            public {{launched}} Append({{plan}} plan, {{cache}} cache, int layer, {{buffer}} keys, {{buffer}} values) =>
                launcher.Append(plan, cache, layer, keys, values);

            /// <summary>The same without an event: the cheapest way, for a step whose end nobody waits for.</summary>
            {{CSharpFile.GeneratedCode}}
            public void SubmitAppend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} keys, {{buffer}} values) =>
                launcher.SubmitAppend(plan, cache, layer, keys, values);

            /// <summary>Enqueues a step's attention over a layer of the cache; does not wait.</summary>
            /// <param name="plan">The step.</param>
            /// <param name="cache">The cache that the plan was built for.</param>
            /// <param name="layer">The layer.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="outputs">{{o}}</param>
            /// <param name="lse">Takes the natural log of each softmax denominator, [tokens, {{spec.QueryHeads}}]; null if not wanted.</param>
            {{CSharpFile.GeneratedCode}}
            public {{launched}} Attend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} queries, {{buffer}} outputs, global::Kernels.OpenCL.DeviceBuffer<float>? lse = null) =>
                launcher.Attend(plan, cache, layer, queries, outputs, lse);

            /// <summary>The same without an event: the cheapest way, for a step whose end nobody waits for.</summary>
            {{CSharpFile.GeneratedCode}}
            public void SubmitAttend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} queries, {{buffer}} outputs, global::Kernels.OpenCL.DeviceBuffer<float>? lse = null) =>
                launcher.SubmitAttend(plan, cache, layer, queries, outputs, lse);

            /// <summary>
            /// Enqueues the merge of what launches over different keys gave for the same queries; does not wait. States with an infinite LSE
            /// count for nothing; a row of such states only becomes 0 with the LSE -∞.
            /// </summary>
            /// <param name="states">Outputs to merge, 1 or more.</param>
            /// <param name="tokens">Query tokens.</param>
            /// <param name="outputs">[states, tokens, {{spec.QueryHeads}}, {{spec.ResolvedValueDim}}]</param>
            /// <param name="lse">[states, tokens, {{spec.QueryHeads}}], natural logs.</param>
            /// <param name="merged">Takes the outputs, {{o}}; not the memory of <paramref name="outputs"/>.</param>
            /// <param name="mergedLse">Takes the LSEs, [tokens, {{spec.QueryHeads}}]; not the memory of <paramref name="lse"/>.</param>
            {{CSharpFile.GeneratedCode}}
            public {{launched}} MergeStates(int states, int tokens, {{buffer}} outputs, global::Kernels.OpenCL.DeviceBuffer<float> lse, {{buffer}} merged, global::Kernels.OpenCL.DeviceBuffer<float> mergedLse) =>
                launcher.MergeStates(states, tokens, outputs, lse, merged, mergedLse);

            /// <summary>Appends tokens to one sequence, in layer 0; returns when they are there.</summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequence">The sequence.</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>
            /// <exception cref="global::Kernels.OpenCL.CacheFullException">The sequence has no room for them; nothing has changed.</exception>
            {{CSharpFile.GeneratedCode}}
            public void Append({{cache}} cache, int sequence, {{input}} keys, {{input}} values) =>
                launcher.Append(cache, sequence, keys, values);

            /// <summary>Attention of the last tokens of one sequence over layer 0 of its cache; returns when the outputs are there.</summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequence">The sequence.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="outputs">{{o}}</param>
            {{CSharpFile.GeneratedCode}}
            public void Attend({{cache}} cache, int sequence, {{input}} queries, global::System.Span<{{element}}> outputs) =>
                launcher.Attend(cache, sequence, queries, outputs);

            /// <summary>Appends a prompt's tokens to one sequence, in layer 0, and runs their queries; returns when the outputs are there.</summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequence">The sequence.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>
            /// <param name="outputs">{{o}}</param>
            /// <exception cref="global::Kernels.OpenCL.CacheFullException">The sequence has no room for them; nothing has changed.</exception>
            {{CSharpFile.GeneratedCode}}
            public void Prefill({{cache}} cache, int sequence, {{input}} queries, {{input}} keys, {{input}} values, global::System.Span<{{element}}> outputs) =>
                launcher.Prefill(cache, sequence, queries, keys, values, outputs);

            /// <summary>Appends one token to each of several sequences, in layer 0, and runs its query; returns when the outputs are there.</summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequences">The sequences, one for each token.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>
            /// <param name="outputs">{{o}}</param>
            /// <exception cref="global::Kernels.OpenCL.CacheFullException">A sequence has no room for its token; nothing has changed.</exception>
            {{CSharpFile.GeneratedCode}}
            public void Decode({{cache}} cache, global::System.ReadOnlySpan<int> sequences, {{input}} queries, {{input}} keys, {{input}} values, global::System.Span<{{element}}> outputs) =>
                launcher.Decode(cache, sequences, queries, keys, values, outputs);

            /// <summary>Frees what the kernels hold on the device; caches and plans are yours to dispose.</summary>
            {{CSharpFile.GeneratedCode}}
            public void Dispose() => launcher.Dispose();
            """);
            if (spec.ModInputs.Count > 0)
            {
                writer.Line();
                ModInputsWriter.Write(writer, spec);
            }
        });
    }

    /// <summary>What the options let a launch give.</summary>
    private static IEnumerable<(string Type, string Name, string Summary, string More)> Inputs(AttentionSpec spec)
    {
        if (spec.Sinks)
        {
            yield return ("DeviceBuffer<float>", "Sinks", $"The learned logit of each query head, [{spec.QueryHeads}]", " Layers differ in theirs: set it before each.");
        }

        if (spec.Documents)
        {
            yield return ("DeviceBuffer<int>", "Documents",
                "The document of each key, [keys of all requests of the step], packed request after request", " A query sees the keys of its own document.");
        }

        if (spec.KeyPadding)
        {
            yield return ("KeyMask", "KeyPadding", "A byte for each key of each request, [requests, keys], 0 where the key is hidden", "");
        }

        if (spec.Bias)
        {
            yield return ("AttentionBias", "Bias",
                $"What is added to each score, [requests or 1, {spec.QueryHeads} or 1, queries or 1, keys]", " Row: the query's index in its request; column: the key's position.");
        }

        if (spec.Rope != RopeStyle.None)
        {
            yield return ("DeviceRopeTable", "Rope",
                $"Cosine and sine of the angles, a <see cref=\"global::Kernels.RopeTable\"/> of rotary dimension {spec.ResolvedRotaryDim} on the device", " Keys and queries are given as they are before they turn.");
        }
    }
}
