namespace Kernels.OpenCL;

/// <summary>A target as the runtime knows it: which devices it suits, and how its kernels are launched there.</summary>
/// <param name="Kind">The target.</param>
/// <param name="Fits">Whether a device is one of its kind, by what the device can do.</param>
/// <param name="Reason">Why it runs on such a device.</param>
internal sealed record DeviceTarget(KernelTarget Kind, Func<DeviceCapabilities, bool> Fits, Func<DeviceCapabilities, string> Reason)
{
    /// <summary>All targets, the most specific to a device first.</summary>
    public static IReadOnlyList<DeviceTarget> All { get; } =
    [
        // A CPU whose driver reports scalar lanes makes its vectors out of work-items, as a GPU does.
        new(KernelTarget.Cpu, device => device.Kind == DeviceKind.Cpu && device.NativeVectorWidthFloat > 1,
            device => $"a CPU with vectors of {device.NativeVectorWidthFloat} floats")
        {
            ClassifyGroup = 1,
        },
        new(KernelTarget.Sm90, device => device.NvidiaComputeCapability == Sm90Assembly.ComputeCapability,
            _ => "compute capability 9.0, and the driver assembles its instructions")
        {
            HasLocalArrays = true,
            IsAssembledTwice = true,
        },
        new(KernelTarget.Sm80, device => device.NvidiaComputeCapability >= 80,
            device => $"compute capability {device.NvidiaComputeCapability / 10}.{device.NvidiaComputeCapability % 10}")
        {
            HasLocalArrays = true,
        },
        new(KernelTarget.Portable, _ => true, device => device.NvidiaComputeCapability < 80
            ? "no target is more specific to this device"
            : "the spec has no kernels for tensor cores of compute capability "
                + $"{device.NvidiaComputeCapability / 10}.{device.NvidiaComputeCapability % 10}"),
    ];

    /// <summary>
    /// Whether its tiles are arrays declared in the kernel, which NVIDIA's driver allows beyond the local memory that it reports.
    /// </summary>
    public bool HasLocalArrays { get; init; }

    /// <summary>Whether its instructions need a second assembly, which a driver may refuse.</summary>
    public bool IsAssembledTwice { get; init; }

    /// <summary>Work-items that classify tiles together.</summary>
    public int ClassifyGroup { get; init; } = KernelContract.ClassifyGroup;

    public static DeviceTarget Of(KernelTarget kind) => All.First(target => target.Kind == kind);
}
