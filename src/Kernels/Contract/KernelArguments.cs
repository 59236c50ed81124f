namespace Kernels;

/// <summary>The one list of each kernel's arguments.</summary>
internal static class KernelArguments
{
    /// <summary>What a kernel of a spec is given, in order.</summary>
    /// <param name="algorithm">The kernel.</param>
    /// <param name="shape">The spec.</param>
    /// <param name="mergesSplits">Of a flash kernel, whether its last work-group merges the splits of an item.</param>
    /// <param name="hasMaskMod">Whether the spec has a mask mod, and so block masks.</param>
    public static IReadOnlyList<KernelArgument> Of(KernelAlgorithm algorithm, AttentionShape shape, bool mergesSplits = false, bool hasMaskMod = false) =>
        algorithm switch
        {
            KernelAlgorithm.Append =>
            [
                KernelArgument.NewKeys, KernelArgument.NewValues, KernelArgument.Keys, KernelArgument.Values,
                KernelArgument.Plan, KernelArgument.SlotsAt, KernelArgument.Capacity, .. Scales(shape),
                .. When(shape.Rope != RopeStyle.None, KernelArgument.PositionsAt, KernelArgument.Rope),
            ],
            KernelAlgorithm.Prefill or KernelAlgorithm.Decode =>
            [
                KernelArgument.Queries, KernelArgument.Keys, KernelArgument.Values, KernelArgument.Outputs, KernelArgument.Lse,
                KernelArgument.PartialOutputs, KernelArgument.PartialStates, KernelArgument.Plan, KernelArgument.ItemsAt, KernelArgument.Capacity,
                .. When(mergesSplits, KernelArgument.MergeCounters), .. Scales(shape),
                .. When(hasMaskMod, KernelArgument.TileClasses, KernelArgument.ClassStride), .. Inputs(shape),
            ],
            KernelAlgorithm.Combine =>
            [
                KernelArgument.PartialOutputs, KernelArgument.PartialStates, KernelArgument.Outputs, KernelArgument.Lse,
                KernelArgument.Plan, KernelArgument.RowsAt, .. When(shape.Sinks, KernelArgument.Sinks),
            ],
            KernelAlgorithm.Merge =>
            [
                KernelArgument.Outputs, KernelArgument.Lse, KernelArgument.Merged, KernelArgument.MergedLse, KernelArgument.States,
                .. When(shape.Sinks, KernelArgument.Sinks),
            ],
            KernelAlgorithm.ClassifyTiles =>
            [
                KernelArgument.TileClasses, KernelArgument.Plan, KernelArgument.ItemsAt, KernelArgument.TileKeys, KernelArgument.ClassStride,
                .. Inputs(shape),
            ],
            _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "No such kernel."),
        };

    /// <summary>What options and mods have a launch give, in order.</summary>
    public static IReadOnlyList<KernelArgument> Inputs(AttentionShape shape) =>
    [
        .. When(shape.Sinks, KernelArgument.Sinks),
        .. When(shape.Documents, KernelArgument.Documents),
        .. When(shape.KeyPadding, KernelArgument.KeyMask, KernelArgument.KeyMaskStride),
        .. When(shape.Bias, KernelArgument.Bias, KernelArgument.BiasRequestStride, KernelArgument.BiasHeadStride, KernelArgument.BiasQueryStride),
        .. When(shape.Rope != RopeStyle.None, KernelArgument.Rope),
        .. When(shape.HasMods, KernelArgument.Mods),
    ];

    /// <summary>The scales of a quantised cache, where they do not lie in its rows.</summary>
    private static KernelArgument[] Scales(AttentionShape shape) =>
        When(shape.CacheScale is CacheScale.PerToken or CacheScale.PerHead, KernelArgument.KeyScales, KernelArgument.ValueScales);

    private static KernelArgument[] When(bool condition, params KernelArgument[] arguments) => condition ? arguments : [];
}
