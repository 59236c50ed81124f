using Kernels.OpenCL;
using Kernels.Planning;

namespace Kernels.Conformance;

/// <summary>What a batch may and may not change in a request's result.</summary>
internal static class BatchChecks
{
    // From so many keys on the planner finds it worth to read shared ones once.
    private const int FewestShared = 256;

    /// <summary>Requests that were forked from one are run with and without sharing the keys that they have in common.</summary>
    /// <param name="device">Where to.</param>
    /// <param name="target">The target, or null: the device's own.</param>
    /// <param name="test">The case: each request with its own number of keys.</param>
    /// <param name="shared">Keys that all have in common.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Cascade<T>(ComputeDevice device, KernelTarget? target, AttentionCase test, int shared) where T : unmanaged
    {
        using var kernels = new RuntimeKernels<T>(device, RuntimeSpec.Describe(test.Shape), target);
        using var loaded = new LoadedCase<RuntimeSpec, T>(test, kernels, new ReferenceOptions(), shared: shared);
        WorkPlan work = loaded.Work;
        work.SharesPrefixes = false;
        loaded.Plan();
        int apart = CountKeysRead(work);
        Launched<T> alone = loaded.Launch();
        work.SharesPrefixes = true;
        loaded.Plan();
        Launched<T> together = loaded.Launch();

        // A second request that ends in the same page has a copy of it, so that less than a page is not shared.
        int least = shared - test.Shape.PageSize;
        bool isShared = shared >= FewestShared && test.Lengths.Max(pair => pair.Queries) * test.Shape.GroupSize <= kernels.DecodeRows;
        if (isShared ? work.SharedKeys < least || work.SharedKeys > shared : work.SharedKeys != 0)
        {
            return $"{work.SharedKeys} keys are shared, of {shared} that are the same";
        }

        if (isShared && CountKeysRead(work) >= apart)
        {
            return $"{CountKeysRead(work)} keys are read, {apart} without sharing";
        }

        return loaded.Difference
            ?? (together.HasBitsOf(loaded.Launch()) ? null : "two launches gave different bits")
            ?? loaded.Compare(alone).Failure
            ?? loaded.Compare(together).Failure;
    }

    /// <summary>The requests of a case give the same bits together and each alone.</summary>
    /// <param name="device">Where to.</param>
    /// <param name="target">The target, or null: the device's own.</param>
    /// <param name="test">The case, of a deterministic shape.</param>
    /// <param name="shared">Keys that all have in common, in the same pages; 0: none.</param>
    /// <returns>What is wrong, or null.</returns>
    public static string? Determinism<T>(ComputeDevice device, KernelTarget? target, AttentionCase test, int shared = 0) where T : unmanaged
    {
        using var kernels = new RuntimeKernels<T>(device, RuntimeSpec.Describe(test.Shape), target);
        using var loaded = new LoadedCase<RuntimeSpec, T>(test, kernels, new ReferenceOptions(), shared: shared);
        int tokens = loaded.Plan().Tokens;
        Launched<T> together = loaded.Launch();
        for (int i = 0, first = 0; i < test.Lengths.Count; first += test.Lengths[i++].Queries)
        {
            loaded.Plan([i]);
            if (!loaded.Launch().HasBitsOf(together.Part(first, test.Lengths[i].Queries, tokens)))
            {
                return $"request {i}, {test.Lengths[i]}, has other bits alone";
            }
        }

        return loaded.Difference ?? loaded.Compare(together).Failure;
    }

    private static int CountKeysRead(WorkPlan work) => work.PrefillTiles.Concat(work.DecodeTiles).Sum(item => item.KeyCount);
}
