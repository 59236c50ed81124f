using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;
using Kernels.Generators.Writing;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Mods;

/// <summary>Writes the type that carries a spec's run-time inputs of mods: one member for each, as typed as the mods' parameters.</summary>
internal static class ModInputsWriter
{
    /// <summary>The type's name, a member of the type with the spec.</summary>
    public const string TypeName = "ModInputs";

    private static readonly HashSet<string> Taken =
        [TypeName, "Equals", "GetHashCode", "GetType", "ToString", "ReferenceEquals", "MemberwiseClone", "Finalize"];

    /// <summary>Writes the type, or nothing for a spec whose mods have no inputs.</summary>
    public static void Write(CodeWriter writer, AttentionSpec spec)
    {
        IReadOnlyList<ModInput> inputs = spec.ModInputs;
        if (inputs.Count == 0)
        {
            return;
        }

        IReadOnlyList<string> members = Members(inputs);
        writer.Add("/// <summary>The inputs of the mods, given at launch: the score mod's, then those that only the mask mod has.</summary>");
        foreach (ModInput input in inputs)
        {
            writer.Add($"/// <param name=\"{input.Name}\">{Describe(input)}</param>");
        }

        writer.Add(CSharpFile.GeneratedCode);
        writer.Open($"public readonly struct {TypeName}({string.Join(", ", inputs.Select(input => $"{HostType(input.Type)} {Identifier.Of(input.Name)}"))}) : global::Kernels.OpenCL.IModInputs");
        for (int i = 0; i < inputs.Count; i++)
        {
            string name = Identifier.Of(inputs[i].Name);
            writer.Add($"/// <summary>{Describe(inputs[i])}</summary>");
            writer.Add($"public {HostType(inputs[i].Type)} {members[i]} {{ get; }} = {name}{(IsBuffer(inputs[i].Type) ? $" ?? throw new global::System.ArgumentNullException(nameof({name}))" : "")};");
            writer.Line();
        }

        writer.Add("/// <inheritdoc/>");
        writer.Open("int global::Kernels.OpenCL.IModInputs.Bind(global::Kernels.OpenCL.ComputeKernel kernel, int first)");
        foreach (string member in members)
        {
            writer.Add($"kernel.Set(first++, {member});");
        }

        writer.Add("return first;");
        writer.Close();
        writer.Close();
    }

    /// <summary>Properties begin with a capital; where two inputs would meet in one, or it is no name for a property, they get a tail.</summary>
    private static IReadOnlyList<string> Members(IReadOnlyList<ModInput> inputs)
    {
        var names = new HashSet<string>(Taken);
        return inputs.Select(input =>
        {
            string trimmed = input.Name.TrimStart('_');
            string name = trimmed.Length == 0 || !SyntaxFacts.IsIdentifierStartCharacter(trimmed[0])
                ? "Input" + trimmed
                : char.ToUpperInvariant(trimmed[0]) + trimmed.Substring(1);
            while (!names.Add(name))
            {
                name += "Input";
            }

            return name;
        }).ToList();
    }

    private static string Describe(ModInput input) => input.Type switch
    {
        ModInputType.Int => $"What the mods get as <c>{input.Name}</c>.",
        ModInputType.Float => $"What the mods get as <c>{input.Name}</c>.",
        ModInputType.IntBuffer => $"Elements of <c>{input.Name}</c>, int32: all that the mods index, and at least one.",
        _ => $"Elements of <c>{input.Name}</c>, float32: all that the mods index, and at least one.",
    };

    private static string HostType(ModInputType type) => type switch
    {
        ModInputType.Int => "int",
        ModInputType.Float => "float",
        ModInputType.IntBuffer => "global::Kernels.OpenCL.DeviceBuffer<int>",
        _ => "global::Kernels.OpenCL.DeviceBuffer<float>",
    };

    private static bool IsBuffer(ModInputType type) => type is ModInputType.IntBuffer or ModInputType.FloatBuffer;
}
