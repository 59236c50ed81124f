using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Several sequences of a cache at once.</summary>
internal static class CacheSequences
{
    /// <summary>Begins so many sequences.</summary>
    public static SequenceHandle[] AddSequences<TSpec>(this IKvCache<TSpec> cache, int count)
    {
        var sequences = new SequenceHandle[count];
        for (int i = 0; i < count; i++)
        {
            sequences[i] = cache.AddSequence();
        }

        return sequences;
    }
}
