namespace Kernels;

/// <summary>The kernels that a spec consists of. Each is an OpenCL program of its own, so that only what a call needs is built.</summary>
public enum KernelAlgorithm
{
    /// <summary>Writes new keys and values into the cache.</summary>
    Append = 0,

    /// <summary>Flash attention over many query rows: tiles of queries against tiles of keys, online softmax.</summary>
    Prefill = 1,

    /// <summary>Flash attention over few query rows, its keys split over work-groups.</summary>
    Decode = 2,

    /// <summary>Merges the partial states of split keys into outputs.</summary>
    Combine = 3,

    /// <summary>Merges outputs and LSEs of the same queries over different keys, which separate launches gave.</summary>
    Merge = 4,

    /// <summary>Tells of each tile of keys whether the mask hides all, some or none of it. Only specs with a mask mod have it.</summary>
    ClassifyTiles = 5,
}
