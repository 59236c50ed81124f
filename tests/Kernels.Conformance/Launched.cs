using System.Runtime.InteropServices;
using Kernels.OpenCL;
using Kernels.Planning;

namespace Kernels.Conformance;

/// <summary>What a launch gave: outputs [tokens, H_q, d_v] and LSEs [tokens, H_q].</summary>
internal sealed record Launched<T>(T[] Outputs, float[] Lse)
    where T : unmanaged
{
    /// <summary>Whether another launch gave the same bits.</summary>
    public bool HasBitsOf(Launched<T> other) => HasBits(Outputs, other.Outputs) && HasBits<float>(Lse, other.Lse);

    /// <summary>The part of some of its query tokens.</summary>
    public Launched<T> Part(int first, int tokens, int allTokens)
    {
        int outputs = Outputs.Length / allTokens, lse = Lse.Length / allTokens;
        return new(Outputs[(first * outputs)..((first + tokens) * outputs)], Lse[(first * lse)..((first + tokens) * lse)]);
    }

    private static bool HasBits<TItem>(ReadOnlySpan<TItem> a, ReadOnlySpan<TItem> b) where TItem : unmanaged =>
        MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));
}
