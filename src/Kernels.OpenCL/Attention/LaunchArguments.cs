namespace Kernels.OpenCL;

/// <summary>What a launch gives its kernel; the kernel's list of arguments says which of it, in what order.</summary>
/// <typeparam name="TSpec">The type that carries the spec.</typeparam>
/// <param name="inputs">The inputs of the spec's options and mods.</param>
/// <param name="plan">The step; null for a merge of states, which has none.</param>
/// <param name="cache">The cache, of kernels that have one.</param>
/// <param name="layer">The layer of the cache.</param>
internal ref struct LaunchArguments<TSpec>(
    LaunchInputs inputs, AttentionPlan<TSpec>? plan = null, IKvCache<TSpec>? cache = null, int layer = 0)
{
    public DeviceBuffer? Queries { get; init; }

    public DeviceBuffer? NewKeys { get; init; }

    public DeviceBuffer? NewValues { get; init; }

    public DeviceBuffer? Outputs { get; init; }

    public DeviceBuffer? Lse { get; init; }

    public DeviceBuffer? Merged { get; init; }

    public DeviceBuffer? MergedLse { get; init; }

    /// <summary>States that are merged.</summary>
    public int States { get; init; }

    /// <summary>Where the kernel's items begin in the plan.</summary>
    public int WorkAt { get; set; }

    /// <summary>The classes of the items' tiles, or null.</summary>
    public TileClasses? Classes { get; set; }

    /// <summary>Keys of a tile that is classified.</summary>
    public int TileKeys { get; init; }

    /// <summary>Sets a kernel's arguments.</summary>
    public readonly ComputeKernel Bind(ComputeKernel kernel, KernelArguments arguments)
    {
        for (int i = 0; i < arguments.Own.Count; i++)
        {
            _ = arguments.Own[i] switch
            {
                KernelArgument.Queries => kernel.Set(i, Queries!),
                KernelArgument.NewKeys => kernel.Set(i, NewKeys!),
                KernelArgument.NewValues => kernel.Set(i, NewValues!),
                KernelArgument.Outputs => kernel.Set(i, Outputs!),
                KernelArgument.Lse => kernel.Set(i, Lse!),
                KernelArgument.Keys => kernel.Set(i, cache!.GetKeys(layer)),
                KernelArgument.Values => kernel.Set(i, cache!.GetValues(layer)),
                KernelArgument.Capacity => kernel.Set(i, cache!.Capacity),
                KernelArgument.KeyScales => kernel.Set(i, cache!.GetKeyScales(layer)),
                KernelArgument.ValueScales => kernel.Set(i, cache!.GetValueScales(layer)),
                KernelArgument.Plan => kernel.Set(i, plan!.Data),
                KernelArgument.SlotsAt => kernel.Set(i, plan!.Work.SlotsAt),
                KernelArgument.PositionsAt => kernel.Set(i, plan!.Work.PositionsAt),
                KernelArgument.WorkAt => kernel.Set(i, WorkAt),
                KernelArgument.RowsAt => kernel.Set(i, plan!.Work.MergesAt),
                KernelArgument.PartialOutputs => kernel.Set(i, plan!.PartialOutputs),
                KernelArgument.PartialStates => kernel.Set(i, plan!.PartialStates),
                KernelArgument.MergeCounters => kernel.Set(i, plan!.MergeCounters),
                KernelArgument.States => kernel.Set(i, States),
                KernelArgument.Merged => kernel.Set(i, Merged!),
                KernelArgument.MergedLse => kernel.Set(i, MergedLse!),

                // Without classes nothing is read there, but an argument must be set.
                KernelArgument.TileClasses => kernel.Set(i, (DeviceBuffer?)Classes?.Buffer ?? plan!.Data),
                KernelArgument.TileKeys => kernel.Set(i, TileKeys),
                KernelArgument.ClassStride => kernel.Set(i, Classes?.Stride ?? 0),
                KernelArgument unknown => throw new InvalidOperationException($"No launch gives {unknown}."),
            };
        }

        inputs.Bind(kernel, arguments.Own.Count, arguments);
        return kernel;
    }
}
