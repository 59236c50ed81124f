namespace Kernels;

/// <summary>The values of a spec's options as the attribute has them; each stands with its option.</summary>
internal abstract partial record OptionValues;
