namespace Kernels.Planning;

/// <summary>
/// What work costs on the kind of machine that a target's kernels run on, counted in keys that a work-group reads meanwhile.
/// </summary>
/// <param name="StartCost">What a work-group takes to begin and to end; a work-item alone waits for nobody.</param>
/// <param name="SplitCost">What the kernel that merges splits costs: on GPUs it is a launch more.</param>
/// <param name="MergedSplitCost">What merging costs where the last work-group does it.</param>
/// <param name="SharesBandwidth">Whether work-groups in a last wave that is not full have more bandwidth each.</param>
internal sealed record SchedulingProfile(int StartCost, int SplitCost, int MergedSplitCost, bool SharesBandwidth)
{
    private static readonly SchedulingProfile Cpu = new(StartCost: 32, SplitCost: 128, MergedSplitCost: 128, SharesBandwidth: false);

    private static readonly SchedulingProfile Gpu = new(StartCost: 256, SplitCost: 320, MergedSplitCost: 96, SharesBandwidth: true);

    /// <summary>The profile of a target's machines.</summary>
    public static SchedulingProfile Of(KernelTarget target) => target == KernelTarget.Cpu ? Cpu : Gpu;
}
