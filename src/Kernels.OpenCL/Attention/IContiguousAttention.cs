namespace Kernels.OpenCL;

/// <summary>An attention type whose cache is contiguous: every sequence has room for the same number of tokens.</summary>
/// <typeparam name="TSelf">The type that carries the spec.</typeparam>
/// <typeparam name="TElement">The host type of queries, new keys and values, and outputs.</typeparam>
public interface IContiguousAttention<TSelf, TElement> : IAttention<TSelf, TElement>
    where TSelf : IContiguousAttention<TSelf, TElement>
    where TElement : unmanaged
{
    /// <summary>
    /// A cache for <paramref name="sequences"/> sequences of up to <paramref name="capacity"/> tokens over <paramref name="layers"/>
    /// layers.
    /// </summary>
    KvCache<TSelf> CreateCache(int sequences, int capacity, int layers = 1);
}
