namespace Kernels.Compiler.Specs;

/// <summary>A new value for one of the attribute's options.</summary>
/// <param name="Option">The parameter or property, as the user writes it.</param>
/// <param name="Value">A C# expression, enum members as <c>Type.Member</c>; empty to leave the option out.</param>
internal sealed record OptionChange(string Option, string Value);
