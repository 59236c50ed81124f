using System.Globalization;

namespace Kernels.Compiler.Specs;

/// <summary>A rule that a spec breaks.</summary>
/// <param name="Rule">The rule.</param>
/// <param name="Option">The attribute's parameter or property at fault, as the user writes it.</param>
/// <param name="Arguments">What fills the rule's message, as text.</param>
/// <param name="Fixes">Changes to the attribute that would each keep the rule.</param>
internal sealed record SpecFinding(SpecRule Rule, string Option, EquatableArray<string> Arguments, EquatableArray<SpecFix> Fixes)
{
    public string Message => string.Format(CultureInfo.InvariantCulture, Rule.Message, Arguments.ToObjects());
}
