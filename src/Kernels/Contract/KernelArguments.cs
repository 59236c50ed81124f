namespace Kernels;

/// <summary>The one list of each kernel's arguments.</summary>
/// <param name="Own">What the kernel itself takes, in order.</param>
/// <param name="Options">The options whose inputs follow, in order.</param>
/// <param name="HasMods">Whether all inputs of the mods are last, in the order of the spec's.</param>
internal sealed record KernelArguments(IReadOnlyList<KernelArgument> Own, IReadOnlyList<AttentionOption> Options, bool HasMods)
{
    /// <summary>What a kernel of a spec is given.</summary>
    /// <param name="algorithm">The kernel.</param>
    /// <param name="shape">The spec.</param>
    /// <param name="mergesSplits">Of a flash kernel, whether its last work-group merges the splits of an item.</param>
    /// <param name="hasMaskMod">Whether the spec has a mask mod, and so block masks.</param>
    public static KernelArguments Of(
        KernelAlgorithm algorithm, AttentionShape shape, bool mergesSplits = false, bool hasMaskMod = false) => new(
        OwnOf(algorithm, shape, mergesSplits, hasMaskMod),
        [.. AttentionOption.Of(shape).Where(option => option.Inputs.Count > 0 && option.IsGivenTo(algorithm))],
        shape.HasMods && LooksAtScores(algorithm));

    /// <summary>Whether a kernel looks at scores, and so takes the inputs of mods, of a spec that has some.</summary>
    public static bool LooksAtScores(KernelAlgorithm algorithm) =>
        algorithm is KernelAlgorithm.Prefill or KernelAlgorithm.Decode or KernelAlgorithm.ClassifyTiles;

    private static KernelArgument[] OwnOf(
        KernelAlgorithm algorithm, AttentionShape shape, bool mergesSplits, bool hasMaskMod) => algorithm switch
    {
        KernelAlgorithm.Append =>
        [
            KernelArgument.NewKeys, KernelArgument.NewValues, KernelArgument.Keys, KernelArgument.Values,
            KernelArgument.Plan, KernelArgument.SlotsAt, KernelArgument.Capacity, .. Scales(shape),
            .. When(AttentionOption.Any(shape, option => option.NeedsPositions), KernelArgument.PositionsAt),
        ],
        KernelAlgorithm.Prefill or KernelAlgorithm.Decode =>
        [
            KernelArgument.Queries, KernelArgument.Keys, KernelArgument.Values, KernelArgument.Outputs, KernelArgument.Lse,
            KernelArgument.PartialOutputs, KernelArgument.PartialStates, KernelArgument.Plan, KernelArgument.WorkAt,
            KernelArgument.Capacity, .. When(mergesSplits, KernelArgument.MergeCounters), .. Scales(shape),
            .. When(hasMaskMod, KernelArgument.TileClasses, KernelArgument.ClassStride),
        ],
        KernelAlgorithm.Combine =>
        [
            KernelArgument.PartialOutputs, KernelArgument.PartialStates, KernelArgument.Outputs, KernelArgument.Lse,
            KernelArgument.Plan, KernelArgument.RowsAt,
        ],
        KernelAlgorithm.Merge =>
            [KernelArgument.Outputs, KernelArgument.Lse, KernelArgument.Merged, KernelArgument.MergedLse, KernelArgument.States],
        KernelAlgorithm.ClassifyTiles =>
            [KernelArgument.TileClasses, KernelArgument.Plan, KernelArgument.WorkAt, KernelArgument.TileKeys, KernelArgument.ClassStride],
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "No such kernel."),
    };

    /// <summary>The scales of a quantised cache, where they do not lie in its rows.</summary>
    private static KernelArgument[] Scales(AttentionShape shape) =>
        When(shape.CacheScale is CacheScale.PerToken or CacheScale.PerHead, KernelArgument.KeyScales, KernelArgument.ValueScales);

    private static KernelArgument[] When(bool condition, params KernelArgument[] arguments) => condition ? arguments : [];
}
