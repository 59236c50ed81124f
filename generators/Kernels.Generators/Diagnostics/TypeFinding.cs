using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Diagnostics;

/// <summary>A rule that a type breaks.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="TypeName">The type that carries the spec.</param>
/// <param name="Subject">What the rule's message names beside the type.</param>
/// <param name="At">The symbol at fault. Findings live for one check only, so that it keeps no compilation alive.</param>
/// <param name="Unwanted">The modifier whose removal mends it, if there is one.</param>
internal sealed record TypeFinding(SpecRule Rule, string TypeName, string Subject, ISymbol At, string? Unwanted = null);
