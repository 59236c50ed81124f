using Kernels.Compiler.Specs;

namespace Kernels.Generators.Parsing;

/// <summary>A spec and the type it is declared on: all that the generator's output depends on.</summary>
/// <param name="Type">The type.</param>
/// <param name="Spec">The spec. It breaks no rule, unless the model is broken; then it is near what was written.</param>
/// <param name="IsBroken">Whether what was written breaks a rule, so that only signatures are emitted.</param>
internal sealed record SpecModel(TypeDeclaration Type, AttentionSpec Spec, bool IsBroken = false)
{
    /// <summary>Whether an attribute keeps the analyzers from telling what is broken.</summary>
    public bool IsSuppressed { get; init; }
}
