using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Writing;

/// <summary>
/// Writes the type of what launches of a spec are given: what its options and its mods' parameters ask for, and nothing else.
/// </summary>
internal static class InputsWriter
{
    /// <summary>The type's name, a member of the type with the spec.</summary>
    public const string TypeName = "Inputs";

    private const string BlockMask = "BlockMask";
    private const string Runtime = "global::Kernels.OpenCL.";

    private static readonly IReadOnlyList<string> Taken =
        [TypeName, BlockMask, "ReferenceInputs", "Batch", "PrefixLength", "Equals",
            "GetHashCode", "GetType", "ToString", "ReferenceEquals", "MemberwiseClone", "Finalize"];

    /// <summary>
    /// What every launch must be given: the inputs of options in the order of the runtime's, then those of mods in their own.
    /// </summary>
    public static IReadOnlyList<LaunchInput> Required(AttentionSpec spec)
    {
        List<LaunchInput> inputs = [.. OfOptions(spec)];
        var names = new HashSet<string>(Taken.Concat(inputs.Select(input => input.Name)));
        inputs.AddRange(spec.ModInputs.Select(
            input => new LaunchInput(MemberName(input.Name, names), HostType(input.Type), Describe(input), input)));
        return inputs;
    }

    /// <summary>Whether a spec's type has inputs at all: required ones, or the block mask that one with a mask mod can be given.</summary>
    public static bool HasAny(AttentionSpec spec) => spec.MaskMod is not null || Required(spec).Count > 0;

    /// <summary>Writes the type, or nothing for a spec without inputs.</summary>
    public static void Write(CodeWriter writer, AttentionSpec spec, string typeName)
    {
        if (!HasAny(spec))
        {
            return;
        }

        IReadOnlyList<LaunchInput> inputs = Required(spec);
        bool hasMods = spec.ModInputs.Count > 0;
        writer.Line();
        writer.Add(
            "/// <summary>What a launch is given beside queries and cache; "
            + "it does not change, and serves any number of launches.</summary>");
        writer.Add(CSharpFile.GeneratedCode);
        writer.Open($"public sealed class {TypeName}{(hasMods ? $" : {Runtime}IModInputs<{typeName}>" : "")}");
        for (int i = 0; i < inputs.Count; i++)
        {
            LaunchInput input = inputs[i];
            bool isReference = input.ModInput is null or { Type: ModInputType.IntBuffer or ModInputType.FloatBuffer };
            if (isReference)
            {
                writer.Add($"private readonly {input.Type} _{i};").Line();
            }

            writer.Add($"/// <summary>{input.Summary}</summary>");
            writer.Add(isReference
                ? $"public required {input.Type} {input.Name} {{ get => _{i}; "
                    + $"init => _{i} = value ?? throw new global::System.ArgumentNullException(nameof({input.Name})); }}"
                : $"public required {input.Type} {input.Name} {{ get; init; }}");
            writer.Line();
        }

        if (spec.MaskMod is not null)
        {
            writer.Add(
                "/// <summary>What the mask mod makes of the tiles of the step: those that it hides are left out. "
                + "null: the mod is asked about every key.</summary>");
            writer.Add($"public {Runtime}BlockMask<{typeName}>? {BlockMask} {{ get; init; }}").Line();
        }

        writer.Add("/// <summary>As code that is generic over attention types takes it.</summary>");
        writer.Add("/// <param name=\"inputs\">The inputs.</param>");
        writer.Open($"public static implicit operator {Runtime}AttentionInputs({TypeName} inputs)");
        writer.Add("global::System.ArgumentNullException.ThrowIfNull(inputs);");
        IEnumerable<string> set = inputs.Where(input => input.ModInput is null).Select(input => input.Name)
            .Concat(spec.MaskMod is null ? [] : [BlockMask])
            .Select(name => $"{name} = inputs.{name}")
            .Concat(hasMods ? ["Mods = inputs"] : []);
        writer.Add($"return new() {{ {string.Join(", ", set)} }};");
        writer.Close();
        if (hasMods)
        {
            writer.Line().Add("/// <inheritdoc/>");
            writer.Open($"int {Runtime}IModInputs.Bind({Runtime}ComputeKernel kernel, int first)");
            foreach (LaunchInput input in inputs.Where(input => input.ModInput is not null))
            {
                writer.Add($"kernel.Set(first++, {input.Name});");
            }

            writer.Add("return first;");
            writer.Close();
        }

        writer.Close();
    }

    private static IEnumerable<LaunchInput> OfOptions(AttentionSpec spec)
    {
        AttentionShape shape = spec.Shape;
        foreach (AttentionOption option in AttentionOption.Of(shape))
        {
            if (option.HostInput(shape) is (string type, string summary))
            {
                yield return new(option.Name, Runtime + type, summary);
            }
        }
    }

    /// <summary>What the angles of a spec with rope are.</summary>
    public static string Angles(AttentionSpec spec) => OfOptions(spec).Single(input => input.Name == nameof(AttentionSpec.Rope)).Summary;

    /// <summary>
    /// Properties begin with a capital; where two inputs would meet in one, or it is no name for a property, they get a tail.
    /// </summary>
    private static string MemberName(string input, HashSet<string> taken)
    {
        string trimmed = input.TrimStart('_');
        string name = trimmed.Length == 0 || !SyntaxFacts.IsIdentifierStartCharacter(trimmed[0])
            ? "Input" + trimmed
            : char.ToUpperInvariant(trimmed[0]) + trimmed.Substring(1);
        while (!taken.Add(name))
        {
            name += "Input";
        }

        return name;
    }

    private static string Describe(ModInput input) => input.Type switch
    {
        ModInputType.Int or ModInputType.Float => $"What the mods get as <c>{input.Name}</c>.",
        ModInputType.IntBuffer => $"Elements of <c>{input.Name}</c>, int32: all that the mods index, and at least one.",
        _ => $"Elements of <c>{input.Name}</c>, float32: all that the mods index, and at least one.",
    };

    private static string HostType(ModInputType type) => type switch
    {
        ModInputType.Int => "int",
        ModInputType.Float => "float",
        ModInputType.IntBuffer => $"{Runtime}DeviceBuffer<int>",
        _ => $"{Runtime}DeviceBuffer<float>",
    };
}
