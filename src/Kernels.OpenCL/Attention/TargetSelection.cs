namespace Kernels.OpenCL;

/// <summary>Which of a spec's targets suits a device.</summary>
internal static class TargetSelection
{
    /// <summary>The most specific target that the device's capabilities allow.</summary>
    public static KernelTarget Pick(DeviceCapabilities device, IReadOnlyList<KernelTarget> targets) =>
        // A CPU whose driver reports scalar lanes makes its vectors out of work-items, as a GPU does.
        device.Kind == DeviceKind.Cpu && device.NativeVectorWidthFloat > 1 && targets.Contains(KernelTarget.Cpu) ? KernelTarget.Cpu
        : device.NvidiaComputeCapability >= 80 && targets.Contains(KernelTarget.Nvidia) ? KernelTarget.Nvidia
        : KernelTarget.Portable;
}
