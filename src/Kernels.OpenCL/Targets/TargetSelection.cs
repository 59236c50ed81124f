namespace Kernels.OpenCL;

/// <summary>Which of a spec's targets suits a device.</summary>
internal static class TargetSelection
{
    /// <summary>The most specific target that the device's capabilities allow, and why.</summary>
    public static (KernelTarget Target, string Reason) Pick(ComputeDevice device, IReadOnlyList<KernelTarget> targets) =>
        Pick(device.Capabilities, () => device.Sm90Refusal, targets);

    /// <summary>As above.</summary>
    /// <param name="capabilities">The device's.</param>
    /// <param name="assemblyRefusal">
    /// Why the driver does not assemble a program twice; empty: it does. Asked only where it matters, for it builds a program.
    /// </param>
    /// <param name="targets">The spec's.</param>
    public static (KernelTarget Target, string Reason) Pick(
        DeviceCapabilities capabilities, Func<string> assemblyRefusal, IReadOnlyList<KernelTarget> targets)
    {
        string refused = string.Empty;
        foreach (DeviceTarget target in DeviceTarget.All.Where(target => targets.Contains(target.Kind) && target.Fits(capabilities)))
        {
            string refusal = target.IsAssembledTwice ? assemblyRefusal() : string.Empty;
            if (refusal.Length == 0)
            {
                return (target.Kind, target.Reason(capabilities) + refused);
            }

            refused = $"; {target.Kind.ToString().ToLowerInvariant()} is refused: {refusal}";
        }

        throw new ArgumentException("A spec has kernels for every device.", nameof(targets));
    }
}
