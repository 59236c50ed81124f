namespace Kernels;

/// <summary>
/// What a kernel can be given beside the inputs of options and mods. <see cref="KernelArguments"/> lists what each is, in its order: the
/// compiler declares its parameters from that list, and the host sets its arguments by it.
/// </summary>
internal enum KernelArgument
{
    // Of a step, in device memory.
    Queries,
    NewKeys,
    NewValues,
    Outputs,
    Lse,

    // Of a cache.
    Keys,
    Values,
    Capacity,
    KeyScales,
    ValueScales,

    // Of a plan: the plan itself, and where in it a kernel's part begins.
    Plan,
    SlotsAt,
    PositionsAt,
    WorkAt,
    RowsAt,

    // Keys that are split over work-groups.
    PartialOutputs,
    PartialStates,
    MergeCounters,

    // States that are merged.
    States,
    Merged,
    MergedLse,

    // A block mask.
    TileClasses,
    TileKeys,
    ClassStride,
}
