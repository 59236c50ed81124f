using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit;

/// <summary>Rotary position embedding: whether there is one, and which elements of a row turn as a pair.</summary>
internal sealed class RopePairs(AttentionSpec spec)
{
    /// <summary>Whether the spec has it.</summary>
    public bool IsOn => spec.Rope != RopeStyle.None;

    /// <summary>The element of a pair that comes first.</summary>
    public string First(string pair) => Begin + (spec.Rope == RopeStyle.HalfSplit ? pair : $"2 * {pair}");

    /// <summary>The element of a pair that comes second.</summary>
    public string Second(string pair) => Begin + (spec.Rope == RopeStyle.HalfSplit ? $"{pair} + ROTARY_DIM / 2" : $"2 * {pair} + 1");

    /// <summary>The elements before those that turn, as a summand; a latent row has its value there.</summary>
    private string Begin => spec.LatentCache ? "VALUE_DIM + " : "";
}
