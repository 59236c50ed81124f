namespace Kernels.OpenCL;

/// <summary>Which of a spec's targets suits a device.</summary>
internal static class TargetSelection
{
    /// <summary>The most specific target that the device's capabilities allow, and why.</summary>
    public static (KernelTarget Target, string Reason) Pick(ComputeDevice device, IReadOnlyList<KernelTarget> targets) =>
        Pick(device.Capabilities, () => device.HopperRefusal, targets);

    /// <summary>As above.</summary>
    /// <param name="capabilities">The device's.</param>
    /// <param name="hopperRefusal">Why the driver does not take Hopper's instructions; empty: it does. Asked only where it matters, for it builds a program.</param>
    /// <param name="targets">The spec's.</param>
    public static (KernelTarget Target, string Reason) Pick(DeviceCapabilities capabilities, Func<string> hopperRefusal, IReadOnlyList<KernelTarget> targets)
    {
        int compute = capabilities.NvidiaComputeCapability;

        // A CPU whose driver reports scalar lanes makes its vectors out of work-items, as a GPU does.
        if (capabilities.Kind == DeviceKind.Cpu && capabilities.NativeVectorWidthFloat > 1 && targets.Contains(KernelTarget.Cpu))
        {
            return (KernelTarget.Cpu, $"a CPU with vectors of {capabilities.NativeVectorWidthFloat} floats");
        }

        string refused = string.Empty;
        if (compute == HopperAssembly.ComputeCapability && targets.Contains(KernelTarget.Hopper))
        {
            string refusal = hopperRefusal();
            if (refusal.Length == 0)
            {
                return (KernelTarget.Hopper, "compute capability 9.0, and the driver assembles its instructions");
            }

            refused = $"; hopper is refused: {refusal}";
        }

        return compute < 80 ? (KernelTarget.Portable, "no target is more specific to this device")
            : targets.Contains(KernelTarget.Nvidia) ? (KernelTarget.Nvidia, $"compute capability {compute / 10}.{compute % 10}{refused}")
            : (KernelTarget.Portable, $"the spec has no kernels for tensor cores of compute capability {compute / 10}.{compute % 10}{refused}");
    }
}
