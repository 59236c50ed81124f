namespace Kernels.OpenCL;

/// <summary>Which of a spec's targets suits a device.</summary>
internal static class TargetSelection
{
    /// <summary>The most specific target that the device's capabilities allow.</summary>
    public static KernelTarget Pick(DeviceCapabilities device, IReadOnlyList<KernelTarget> targets) =>
        device.Kind == DeviceKind.Cpu && targets.Contains(KernelTarget.Cpu) ? KernelTarget.Cpu
        : device.NvidiaComputeCapability >= 80 && targets.Contains(KernelTarget.Nvidia) ? KernelTarget.Nvidia
        : KernelTarget.Portable;
}
