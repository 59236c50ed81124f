using Kernels.Compiler.Specs;
using Kernels.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kernels.Generators.Mods;

/// <summary>The mods of a type.</summary>
/// <param name="Score">Its score mod, if it has one that breaks no rule.</param>
/// <param name="Mask">Its mask mod, if it has one that breaks no rule.</param>
/// <param name="IsValid">Whether all of its mods could be read.</param>
/// <param name="Findings">What rules they break, with places in the source: not for models.</param>
internal sealed record ModReading(ModFunction? Score, ModFunction? Mask, bool IsValid, IReadOnlyList<ModFinding> Findings);
