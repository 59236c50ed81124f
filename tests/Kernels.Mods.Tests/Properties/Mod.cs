namespace Kernels.Mods.Tests.Properties;

/// <summary>A mod as text: its method and what the method calls.</summary>
/// <param name="Name">The method's name.</param>
/// <param name="Inputs">The names of its inputs, in their order.</param>
/// <param name="Text">The members.</param>
internal sealed record Mod(string Name, IReadOnlyList<string> Inputs, string Text);
