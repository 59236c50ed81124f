using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;

namespace Kernels.Generators.Writing;

/// <summary>
/// Writes the host bindings: the contract of the OpenCL runtime with the spec's own types and shapes in the documentation.
/// </summary>
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
        string anyInputs = "global::Kernels.OpenCL.AttentionInputs";
        string lse = "global::Kernels.OpenCL.DeviceBuffer<float>";
        string states = $"global::Kernels.OpenCL.AttentionStates<{element}>";
        string launched = "global::Kernels.OpenCL.ComputeEvent";
        string q = $"[tokens, {spec.QueryHeads}, {spec.HeadDim}]";
        string k = $"[tokens, {spec.KvHeads}, {spec.HeadDim}]";
        string v = $"[tokens, {spec.KvHeads}, {spec.ResolvedValueDim}]";
        string o = $"[tokens, {spec.QueryHeads}, {spec.ResolvedValueDim}]";
        IReadOnlyList<LaunchInput> required = InputsWriter.Required(spec);
        bool hasInputs = InputsWriter.HasAny(spec), hasRope = spec.Rope != RopeStyle.None;

        // What a method of the type takes beside the interface's parameters, what it hands on, and what of it is told.
        string take = required.Count > 0
            ? $", {InputsWriter.TypeName} inputs"
            : hasInputs ? $", {InputsWriter.TypeName}? inputs = null" : "";
        string given = required.Count > 0 ? "inputs" : hasInputs ? $"inputs is null ? default({anyInputs}) : inputs" : "default";
        string told = !hasInputs
            ? ""
            : $"\n/// <param name=\"inputs\">What else the launch is given{(required.Count > 0 ? "" : "; null: nothing")}.</param>";
        string takeRope = hasRope ? ", global::Kernels.OpenCL.DeviceRopeTable rope" : "";
        string giveRope = hasRope ? $", new {anyInputs} {{ Rope = rope }}" : "";
        string toldRope = hasRope ? $"\n/// <param name=\"rope\">{InputsWriter.Angles(spec)}</param>" : "";
        string takeSinks = spec.Sinks ? ", global::Kernels.OpenCL.DeviceBuffer<float> sinks" : "";
        string giveSinks = spec.Sinks ? $", new {anyInputs} {{ Sinks = sinks }}" : "";
        string toldSinks = spec.Sinks
            ? $"\n/// <param name=\"sinks\">The learned logit of each query head, [{spec.QueryHeads}].</param>"
            : "";
        string takeModInputs = required.Count > 0 ? $", {InputsWriter.TypeName} inputs" : "";
        string toldModInputs = required.Count > 0 ? "\n/// <param name=\"inputs\">What its launches will be given.</param>" : "";
        string createBlockMask = spec.MaskMod is null ? "" : $$"""
            /// <summary>
            /// Classifies the tiles of a step by the mask mod, on the device; does not wait. For all layers, and all steps of the same
            /// lengths{{(spec.ModInputs.Count > 0 ? " and inputs of the mod" : "")}}.
            /// </summary>
            /// <param name="plan">The step.</param>{{toldModInputs}}
            {{CSharpFile.GeneratedCode}}
            public global::Kernels.OpenCL.BlockMask<{{name}}> CreateBlockMask({{plan}} plan{{takeModInputs}}) => launcher.CreateBlockMask(plan{{(required.Count > 0 ? ", inputs" : "")}});


            """;
        string createCache = paged
            ? $$"""
                /// <summary>
                /// A cache in pages of {{spec.PageSize}} tokens, of <see cref="CacheBytesPerToken"/> bytes a token and layer.
                /// </summary>
                /// <param name="pages">Pages that it has; each serves all layers.</param>
                /// <param name="layers">Layers that it has room for.</param>
                /// <exception cref="global::Kernels.OpenCL.DeviceOutOfMemoryException">
                /// The device has no room for it; nothing stays allocated.
                /// </exception>
                {{CSharpFile.GeneratedCode}}
                public global::Kernels.OpenCL.PagedKvCache<{{name}}> CreateCache(int pages, int layers = 1) => launcher.CreatePagedCache(pages, layers);
                """
            : $$"""
                /// <summary>A cache of <see cref="CacheBytesPerToken"/> bytes a token and layer.</summary>
                /// <param name="sequences">Sequences that it has room for.</param>
                /// <param name="capacity">Tokens that each sequence has room for.</param>
                /// <param name="layers">Layers that it has room for.</param>
                /// <exception cref="global::Kernels.OpenCL.DeviceOutOfMemoryException">
                /// The device has no room for it; nothing stays allocated.
                /// </exception>
                {{CSharpFile.GeneratedCode}}
                public global::Kernels.OpenCL.KvCache<{{name}}> CreateCache(int sequences, int capacity, int layers = 1) => launcher.CreateCache(sequences, capacity, layers);
                """;
        string interfaces = $"global::Kernels.OpenCL.I{(paged ? "Paged" : "Contiguous")}Attention<{name}, {element}>",
            contract = $"global::Kernels.OpenCL.IAttention<{name}, {element}>";
        return CSharpFile.Write(model, null, $" : {interfaces}", writer =>
        {
            writer.Add($$"""
            {{CSharpFile.GeneratedCode}}
            private readonly global::Kernels.OpenCL.AttentionLauncher<{{name}}, {{element}}> launcher;

            /// <summary>Prepares the kernels for a device; each is built when a call first needs it.</summary>
            /// <param name="device">The device to run on.</param>
            /// <param name="target">The target whose kernels to run; null, the default, picks by the device's capabilities.</param>
            /// <exception cref="global::Kernels.OpenCL.DeviceLimitException">
            /// The device has less local memory, or smaller work-groups, than the kernels take.
            /// </exception>
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

            {{createBlockMask}}{{createCache}}

            /// <summary>A plan, to be built anew for each step and used for all its layers.</summary>
            {{CSharpFile.GeneratedCode}}
            public {{plan}} CreatePlan() => launcher.CreatePlan();

            /// <summary>Enqueues the write of a step's new keys and values into a layer of the cache; does not wait.</summary>
            /// <param name="plan">The step.</param>
            /// <param name="cache">The cache that the plan was built for.</param>
            /// <param name="layer">The layer.</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>{{toldRope}}
            {{CSharpFile.GeneratedCode}}
            public {{launched}} EnqueueAppend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} keys, {{buffer}} values{{takeRope}}) =>
                launcher.EnqueueAppend(plan, cache, layer, keys, values{{giveRope}});

            /// <summary>The same without an event: the cheapest way, for a step whose end nobody waits for.</summary>
            /// <inheritdoc cref="EnqueueAppend" path="/param"/>
            {{CSharpFile.GeneratedCode}}
            public void SubmitAppend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} keys, {{buffer}} values{{takeRope}}) =>
                launcher.SubmitAppend(plan, cache, layer, keys, values{{giveRope}});

            /// <summary>Enqueues a step's attention over a layer of the cache; does not wait.</summary>
            /// <param name="plan">The step.</param>
            /// <param name="cache">The cache that the plan was built for.</param>
            /// <param name="layer">The layer.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="outputs">{{o}}</param>{{told}}
            /// <param name="lse">
            /// Takes the natural log of each softmax denominator, [tokens, {{spec.QueryHeads}}]; null if not wanted.
            /// </param>
            {{CSharpFile.GeneratedCode}}
            public {{launched}} EnqueueAttend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} queries, {{buffer}} outputs{{take}}, {{lse}}? lse = null) =>
                launcher.EnqueueAttend(plan, cache, layer, queries, outputs, {{given}}, lse);

            /// <summary>The same without an event: the cheapest way, for a step whose end nobody waits for.</summary>
            /// <inheritdoc cref="EnqueueAttend" path="/param"/>
            {{CSharpFile.GeneratedCode}}
            public void SubmitAttend({{plan}} plan, {{cache}} cache, int layer, {{buffer}} queries, {{buffer}} outputs{{take}}, {{lse}}? lse = null) =>
                launcher.SubmitAttend(plan, cache, layer, queries, outputs, {{given}}, lse);

            /// <summary>
            /// Enqueues the merge of what launches over different keys gave for the same queries; does not wait. States with an infinite
            /// LSE count for nothing; a row of such states only becomes 0 with the LSE -∞.
            /// </summary>
            /// <param name="states">
            /// What is merged, [states, tokens, {{spec.QueryHeads}}, {{spec.ResolvedValueDim}}] with LSEs [states, tokens,
            /// {{spec.QueryHeads}}].
            /// </param>
            /// <param name="outputs">Takes the outputs, {{o}}; not the memory of the states'.</param>
            /// <param name="lse">Takes the LSEs, [tokens, {{spec.QueryHeads}}], natural logs; not the memory of the states'.</param>{{toldSinks}}
            {{CSharpFile.GeneratedCode}}
            public {{launched}} EnqueueMergeStates({{states}} states, {{buffer}} outputs, {{lse}} lse{{takeSinks}}) =>
                launcher.EnqueueMergeStates(states, outputs, lse{{giveSinks}});

            /// <summary>Appends tokens to one sequence, in layer 0; returns when they are there.</summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequence">The sequence.</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>{{toldRope}}
            /// <exception cref="global::Kernels.OpenCL.CacheFullException">
            /// The sequence has no room for them; nothing has changed.
            /// </exception>
            {{CSharpFile.GeneratedCode}}
            public void Append({{cache}} cache, global::Kernels.SequenceHandle sequence, {{input}} keys, {{input}} values{{takeRope}}) =>
                launcher.Append(cache, sequence, keys, values{{giveRope}});

            /// <summary>
            /// Attention of the last tokens of one sequence over layer 0 of its cache; returns when the outputs are there.
            /// </summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequence">The sequence.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="outputs">{{o}}</param>{{told}}
            {{CSharpFile.GeneratedCode}}
            public void Attend({{cache}} cache, global::Kernels.SequenceHandle sequence, {{input}} queries, global::System.Span<{{element}}> outputs{{take}}) =>
                launcher.Attend(cache, sequence, queries, outputs, {{given}});

            /// <summary>
            /// Appends a prompt's tokens to one sequence, in layer 0, and runs their queries; returns when the outputs are there.
            /// </summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequence">The sequence.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>
            /// <param name="outputs">{{o}}</param>{{told}}
            /// <exception cref="global::Kernels.OpenCL.CacheFullException">
            /// The sequence has no room for them; nothing has changed.
            /// </exception>
            {{CSharpFile.GeneratedCode}}
            public void Prefill({{cache}} cache, global::Kernels.SequenceHandle sequence, {{input}} queries, {{input}} keys, {{input}} values, global::System.Span<{{element}}> outputs{{take}}) =>
                launcher.Prefill(cache, sequence, queries, keys, values, outputs, {{given}});

            /// <summary>
            /// Appends one token to each of several sequences, in layer 0, and runs its query; returns when the outputs are there.
            /// </summary>
            /// <param name="cache">The cache.</param>
            /// <param name="sequences">The sequences, one for each token.</param>
            /// <param name="queries">{{q}}</param>
            /// <param name="keys">{{k}}</param>
            /// <param name="values">{{v}}</param>
            /// <param name="outputs">{{o}}</param>{{told}}
            /// <exception cref="global::Kernels.OpenCL.CacheFullException">
            /// A sequence has no room for its token; nothing has changed.
            /// </exception>
            {{CSharpFile.GeneratedCode}}
            public void Decode({{cache}} cache, global::System.ReadOnlySpan<global::Kernels.SequenceHandle> sequences, {{input}} queries, {{input}} keys, {{input}} values, global::System.Span<{{element}}> outputs{{take}}) =>
                launcher.Decode(cache, sequences, queries, keys, values, outputs, {{given}});

            /// <summary>Frees what the kernels hold on the device; caches and plans are yours to dispose.</summary>
            {{CSharpFile.GeneratedCode}}
            public void Dispose() => launcher.Dispose();
            """);
            writer.Line();
            Contract();
            InputsWriter.Write(writer, spec, name);

            // What code that is generic over attention types calls, with the inputs of any spec.
            void Contract()
            {
                (string Result, string Call, string Arguments)[] members =
                [
                    ($"global::Kernels.OpenCL.BlockMask<{name}>", $"CreateBlockMask({plan} plan, {anyInputs} inputs)", "plan, inputs"),
                    (launched,
                        $"EnqueueAppend({plan} plan, {cache} cache, int layer, {buffer} keys, {buffer} values, {anyInputs} inputs)",
                        "plan, cache, layer, keys, values, inputs"),
                    ("void",
                        $"SubmitAppend({plan} plan, {cache} cache, int layer, {buffer} keys, {buffer} values, {anyInputs} inputs)",
                        "plan, cache, layer, keys, values, inputs"),
                    (launched,
                        $"EnqueueAttend({plan} plan, {cache} cache, int layer, {buffer} queries, "
                            + $"{buffer} outputs, {anyInputs} inputs, {lse}? lse)",
                        "plan, cache, layer, queries, outputs, inputs, lse"),
                    ("void",
                        $"SubmitAttend({plan} plan, {cache} cache, int layer, {buffer} queries, "
                            + $"{buffer} outputs, {anyInputs} inputs, {lse}? lse)",
                        "plan, cache, layer, queries, outputs, inputs, lse"),
                    (launched,
                        $"EnqueueMergeStates({states} states, {buffer} outputs, {lse} lse, {anyInputs} inputs)",
                        "states, outputs, lse, inputs"),
                    ("void",
                        $"Append({cache} cache, global::Kernels.SequenceHandle sequence, {input} keys, {input} values, {anyInputs} inputs)",
                        "cache, sequence, keys, values, inputs"),
                    ("void",
                        $"Attend({cache} cache, global::Kernels.SequenceHandle sequence, {input} queries, "
                            + $"global::System.Span<{element}> outputs, {anyInputs} inputs)",
                        "cache, sequence, queries, outputs, inputs"),
                    ("void",
                        $"Prefill({cache} cache, global::Kernels.SequenceHandle sequence, "
                            + $"{input} queries, {input} keys, {input} values, "
                            + $"global::System.Span<{element}> outputs, {anyInputs} inputs)",
                        "cache, sequence, queries, keys, values, outputs, inputs"),
                    ("void",
                        $"Decode({cache} cache, global::System.ReadOnlySpan<global::Kernels.SequenceHandle> sequences, "
                            + $"{input} queries, {input} keys, {input} values, "
                            + $"global::System.Span<{element}> outputs, {anyInputs} inputs)",
                        "cache, sequences, queries, keys, values, outputs, inputs"),
                ];
                foreach ((string result, string call, string arguments) in members)
                {
                    writer.Add("/// <inheritdoc/>").Add(CSharpFile.GeneratedCode);
                    writer.Add($"{result} {contract}.{call} => launcher.{call.Substring(0, call.IndexOf('('))}({arguments});");
                }
            }
        });
    }
}
