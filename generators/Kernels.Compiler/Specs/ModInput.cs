namespace Kernels.Compiler.Specs;

/// <summary>A run-time input of a mod: a kernel argument.</summary>
internal sealed record ModInput(string Name, ModInputType Type);
