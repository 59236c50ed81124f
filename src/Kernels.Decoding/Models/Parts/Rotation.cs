namespace Kernels.Decoding;

/// <summary>Rotary position embedding.</summary>
/// <param name="Table">The turns.</param>
/// <param name="Pairs">Which elements turn together.</param>
internal sealed record Rotation(RotaryTable Table, RopePairs Pairs);
