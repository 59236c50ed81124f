using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

/// <content>How inputs are declared and handed on in OpenCL C.</content>
internal sealed partial record KernelInput
{
    /// <summary>All inputs of a spec's flash kernels, in the order in which the launcher gives them.</summary>
    public static IReadOnlyList<KernelInput> Of(AttentionSpec spec) => Of(KernelArguments.Of(KernelAlgorithm.Prefill, spec.Shape), spec);

    /// <summary>The inputs of options and mods among a kernel's arguments, in order.</summary>
    public static IReadOnlyList<KernelInput> Of(KernelArguments arguments, AttentionSpec spec) =>
        [.. arguments.Options.SelectMany(option => option.Inputs), .. arguments.HasMods ? spec.ModInputs.Select(Of) : []];

    /// <summary>An input of a mod. Its name is apart from the kernel's own, in ASCII, and no other input's.</summary>
    public static KernelInput Of(ModInput input) => new(ScoreRules.TypeOf(input.Type), NameOf(input.Name), "");

    /// <summary>Inputs as parameters of a function, each with a leading comma.</summary>
    public static string Parameters(IEnumerable<KernelInput> inputs) =>
        string.Concat(inputs.Select(input => $", {input.Type} {input.Name}"));

    /// <summary>Inputs as arguments, each with a leading comma.</summary>
    public static string Arguments(IEnumerable<KernelInput> inputs) => string.Concat(inputs.Select(input => $", {input.Name}"));

    /// <summary>
    /// Where a name has other letters, an underscore begins their numbers and stands twice for itself, so that no two names meet.
    /// </summary>
    private static string NameOf(string name) => name.All(c => c < 128)
        ? "input_" + name
        : "unicode_input_" + string.Concat(name.Select(c =>
            c == '_' ? "__" : c < 128 ? c.ToString() : "_" + ((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture)));
}
