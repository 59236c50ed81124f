using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;

namespace Kernels.Generators.Writing;

/// <summary>
/// Writes the spec's attention in double precision on the host: a method with the mods bound, and the type of what it takes beside queries,
/// keys and values.
/// </summary>
internal static class ReferenceWriter
{
    /// <summary>The type's name, a member of the type with the spec.</summary>
    public const string TypeName = "ReferenceInputs";

    /// <summary>Writes both, with a line after them; the type only for a spec that has inputs.</summary>
    public static void Write(CodeWriter writer, SpecModel model)
    {
        AttentionSpec spec = model.Spec;
        IReadOnlyList<LaunchInput> required = InputsWriter.Required(spec);
        bool hasMods = spec.ScoreMod is not null || spec.MaskMod is not null, hasPrefix = spec.Mask == AttentionMask.PrefixCausal;
        bool hasInputs = required.Count > 0 || hasMods || hasPrefix;
        string take = required.Count > 0 ? $", {TypeName} inputs" : hasInputs ? $", {TypeName}? inputs = null" : "";
        string given = required.Count > 0 ? "inputs" : hasInputs ? "inputs ?? new()" : "null";
        string element = $"global::System.ReadOnlySpan<{CSharpFile.HostType(spec.Storage)}>";
        string told = hasInputs ? "\n/// <param name=\"inputs\">What else the sequence is given.</param>" : "";
        string values = spec.LatentCache ? "Not read: they are in the keys." : $"[keys, {spec.KvHeads}, {spec.ResolvedValueDim}]";
        writer.Add($$"""
            /// <summary>
            /// The attention of one sequence in double precision on the host, to check what kernels give: see
            /// <see cref="global::Kernels.ReferenceAttention"/>. Slow.
            /// </summary>
            /// <param name="queries">[tokens, {{spec.QueryHeads}}, {{spec.HeadDim}}]: those of the last tokens.</param>
            /// <param name="keys">[keys, {{spec.KvHeads}}, {{spec.HeadDim}}]: those of all tokens.</param>
            /// <param name="values">{{values}}</param>{{told}}
            /// <param name="lse">
            /// Takes the natural log of each softmax denominator, [tokens, {{spec.QueryHeads}}]; empty if not wanted.
            /// </param>
            /// <returns>[tokens, {{spec.QueryHeads}}, {{spec.ResolvedValueDim}}]</returns>
            /// <exception cref="global::System.ArgumentException">A length does not fit.</exception>
            {{CSharpFile.GeneratedCode}}
            public static double[] Reference({{element}} queries, {{element}} keys, {{element}} values{{take}}, global::System.Span<double> lse = default) =>
                global::Kernels.ReferenceAttention.Compute(Descriptor.Shape, queries, keys, values, {{given}}, lse);
            """).Line();
        if (hasInputs)
        {
            WriteInputs(writer, model, required, hasMods, hasPrefix);
            writer.Line();
        }
    }

    private static void WriteInputs(CodeWriter writer, SpecModel model, IReadOnlyList<LaunchInput> required, bool hasMods, bool hasPrefix)
    {
        AttentionSpec spec = model.Spec;
        writer.Add("/// <summary>What the reference is given beside queries, keys and values of a sequence.</summary>");
        writer.Add(CSharpFile.GeneratedCode);
        writer.Open($"public sealed class {TypeName}");
        foreach (LaunchInput input in required)
        {
            (string type, string summary) = OnHost(spec, input);
            writer.Add($"/// <summary>{summary}</summary>").Add($"public required {type} {input.Name} {{ get; init; }}").Line();
        }

        if (hasPrefix)
        {
            writer.Add("/// <summary>Keys at the beginning that every query sees.</summary>")
                .Add("public int PrefixLength { get; init; }").Line();
        }

        if (hasMods)
        {
            writer.Add("/// <summary>What the mods get as the index of the request.</summary>")
                .Add("public int Batch { get; init; }").Line();
        }

        writer.Add("/// <summary>As the reference takes it, with the mods bound.</summary>");
        writer.Add("/// <param name=\"_given\">The inputs.</param>");
        writer.Open($"public static implicit operator global::Kernels.ReferenceOptions({TypeName} _given)");
        if (model.IsBroken)
        {
            writer.Add($"{CSharpFile.ThrowBroken(model)};");
        }
        else
        {
            IEnumerable<string> set = required.Where(input => input.ModInput is null).Select(input => $"{input.Name} = _given.{input.Name}")
                .Concat(hasPrefix ? ["PrefixLength = _given.PrefixLength"] : [])
                .Concat(hasMods ? ["Batch = _given.Batch"] : [])
                .Concat(Mod("ScoreMod", spec.ScoreMod, "_score, _batch, _head, _query, _key"))
                .Concat(Mod("MaskMod", spec.MaskMod, "_batch, _head, _query, _key"));
            writer.Add("global::System.ArgumentNullException.ThrowIfNull(_given);");
            writer.Add($"return new() {{ {string.Join(", ", set)} }};");
        }

        writer.Close();
        writer.Close();

        IEnumerable<string> Mod(string name, ModFunction? mod, string parameters) => mod is null
            ? []
            : [
                $"{name} = ({parameters}) => "
                + $"{Identifier.Of(mod.Name)}({string.Join(", ", new[] { parameters }.Concat(mod.Inputs.Select(Argument)))})"];

        string Argument(ModInput input) =>
            $"_given.{required.First(launch => launch.ModInput == input).Name}"
                + $"{(input.Type is ModInputType.IntBuffer or ModInputType.FloatBuffer ? ".Span" : "")}";
    }

    /// <summary>The type of an input on the host, and what it is.</summary>
    private static (string Type, string Summary) OnHost(AttentionSpec spec, LaunchInput input) => input switch
    {
        { ModInput: { } mod } => (mod.Type switch
        {
            ModInputType.Int => "int",
            ModInputType.Float => "float",
            ModInputType.IntBuffer => "global::System.ReadOnlyMemory<int>",
            _ => "global::System.ReadOnlyMemory<float>",
        }, $"What the mods get as <c>{mod.Name}</c>."),
        { Name: "Sinks" } => ("global::System.Collections.Generic.IReadOnlyList<float>",
            $"The learned logit of each query head, [{spec.QueryHeads}]."),
        { Name: "Documents" } => ("global::System.Collections.Generic.IReadOnlyList<int>", "The document of each key, [keys]."),
        { Name: "KeyPadding" } => ("global::System.Collections.Generic.IReadOnlyList<bool>", "Whether each key can be seen, [keys]."),
        { Name: "Bias" } => ("global::System.Func<int, int, int, double>",
            "What is added to a score: of head, index of the query, position of the key."),
        _ => ("global::Kernels.RopeTable",
            $"The angles, of rotary dimension {spec.ResolvedRotaryDim}: as many positions as there are keys, or more. "
                + "Keys and queries are given as they are before they turn."),
    };
}
