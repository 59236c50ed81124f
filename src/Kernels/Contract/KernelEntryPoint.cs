namespace Kernels;

/// <summary>The names under which a program has its kernel.</summary>
internal static class KernelEntryPoint
{
    public static string Of(KernelAlgorithm algorithm) => algorithm switch
    {
        KernelAlgorithm.Append => "kv_append",
        KernelAlgorithm.Prefill => "flash_prefill",
        KernelAlgorithm.Decode => "flash_decode",
        KernelAlgorithm.Combine => "combine",
        KernelAlgorithm.ClassifyTiles => "classify_tiles",
        KernelAlgorithm.Merge => "merge_states",
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "No such kernel."),
    };
}
