using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Mods;

/// <summary>A kind of mod: its attribute, its place in kernels, and the parameters that it begins with.</summary>
/// <param name="AttributeName">As it is written in brackets.</param>
/// <param name="Prefix">The entry function's name, and what the names of its helpers begin with.</param>
/// <param name="ReturnType">What the method returns.</param>
/// <param name="Parameters">Type and usual name of each fixed parameter.</param>
internal sealed record ModKind(
    string AttributeName, string Prefix, LaneType ReturnType,
    IReadOnlyList<(LaneType Type, string Name)> Parameters)
{
    public static readonly ModKind Score = new("ScoreMod", "score_mod", LaneType.Float,
        [(LaneType.Float, "score"), (LaneType.Int, "batch"), (LaneType.Int, "head"), (LaneType.Int, "query"), (LaneType.Int, "key")]);

    public static readonly ModKind Mask = new("MaskMod", "mask_mod", LaneType.Bool,
        [(LaneType.Int, "batch"), (LaneType.Int, "head"), (LaneType.Int, "query"), (LaneType.Int, "key")]);

    public static readonly IReadOnlyList<ModKind> All = [Score, Mask];

    /// <summary>The parameters as they are declared in C#.</summary>
    public string ParameterList => string.Join(", ", Parameters.Select(parameter => $"{CSharpName(parameter.Type)} {parameter.Name}"));

    public bool IsOn(ISymbol method) => method.GetAttributes().Any(attribute =>
        attribute.AttributeClass is { ContainingType: null } found
        && found.Name == AttributeName + "Attribute"
        && found.ContainingNamespace is { Name: "Kernels", ContainingNamespace.IsGlobalNamespace: true });

    public static string CSharpName(LaneType type) => type switch
    {
        LaneType.Bool => "bool",
        LaneType.Int => "int",
        _ => "float",
    };
}
