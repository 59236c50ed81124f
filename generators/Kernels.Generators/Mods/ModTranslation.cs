using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace Kernels.Generators.Mods;

/// <summary>What became of a mod: its function, unless it breaks a rule or is not valid C#, and the findings.</summary>
internal sealed record ModTranslation(ModFunction? Function, IReadOnlyList<ModFinding> Findings);
