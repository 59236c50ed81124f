using Kernels.Compiler;
using Kernels.Compiler.Specs;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Mods;

/// <summary>A rule that a mod breaks, and where. Findings live for one look at a compilation only; no model holds any.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="At">The place.</param>
/// <param name="Arguments">What fills the rule's message.</param>
internal sealed record ModFinding(SpecRule Rule, Location At, EquatableArray<string> Arguments)
{
    public ModFinding(SpecRule rule, Location at, params string[] arguments)
        : this(rule, at, new EquatableArray<string>(arguments))
    {
    }

    /// <summary>What would mend it, where that is plain.</summary>
    public ModFix? Fix { get; init; }
}
