namespace Kernels.OpenCL;

/// <summary>Which of a spec's targets suits a device.</summary>
internal static class TargetSelection
{
    /// <summary>The most specific target that the device's capabilities allow, and why.</summary>
    public static (KernelTarget Target, string Reason) Pick(ComputeDevice device, IReadOnlyList<KernelTarget> targets)
    {
        DeviceCapabilities capabilities = device.Capabilities;
        int compute = capabilities.NvidiaComputeCapability;

        // A CPU whose driver reports scalar lanes makes its vectors out of work-items, as a GPU does.
        if (capabilities.Kind == DeviceKind.Cpu && capabilities.NativeVectorWidthFloat > 1 && targets.Contains(KernelTarget.Cpu))
        {
            return (KernelTarget.Cpu, $"a CPU with vectors of {capabilities.NativeVectorWidthFloat} floats");
        }

        string refusal = string.Empty;
        if (compute == HopperAssembly.ComputeCapability && targets.Contains(KernelTarget.Hopper))
        {
            refusal = device.HopperRefusal;
            if (refusal.Length == 0)
            {
                return (KernelTarget.Hopper, "compute capability 9.0, and the driver assembles its instructions");
            }
        }

        return compute >= 80 && targets.Contains(KernelTarget.Nvidia)
            ? (KernelTarget.Nvidia, $"compute capability {compute / 10}.{compute % 10}{(refusal.Length == 0 ? "" : "; hopper is refused: " + refusal)}")
            : (KernelTarget.Portable, compute >= 80 ? "the spec's arithmetic is not one of tensor cores" : "no target is more specific to this device");
    }
}
