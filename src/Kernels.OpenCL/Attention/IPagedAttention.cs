namespace Kernels.OpenCL;

/// <summary>An attention type whose cache is paged: sequences take pages as they grow, share them and give them back.</summary>
/// <typeparam name="TSelf">The type that carries the spec.</typeparam>
/// <typeparam name="TElement">The host type of queries, new keys and values, and outputs.</typeparam>
public interface IPagedAttention<TSelf, TElement> : IAttention<TSelf, TElement>
    where TSelf : IPagedAttention<TSelf, TElement>
    where TElement : unmanaged
{
    /// <summary>A cache of <paramref name="pages"/> pages over <paramref name="layers"/> layers.</summary>
    PagedKvCache<TSelf> CreateCache(int pages, int layers = 1);
}
