namespace Kernels.OpenCL;

/// <summary>What a device can do at most: the ceilings of a roofline, and what a kernel's speed is compared with.</summary>
public sealed record DeviceProfile
{
    /// <summary>The device's name, such as "NVIDIA H200".</summary>
    public required string Device { get; init; }

    /// <summary>Linear reads from device memory, in bytes a second, out of every cache.</summary>
    public required double ReadBytesPerSecond { get; init; }

    /// <summary>Fused multiply-adds in float32, in operations a second; a multiply-add counts as two.</summary>
    public required double Float32FlopsPerSecond { get; init; }

    /// <summary>
    /// The part of the shorter of reading and arithmetic that hides behind the longer, measured by a kernel that does both: near 1 where
    /// other threads' loads are under way while one calculates, less where the cores that calculate also have to load and are few.
    /// </summary>
    public double Overlap { get; init; } = 1;

    /// <summary>
    /// Matrix products of 16-bit values summed in float32, in operations a second, by the device's fastest instruction that its driver
    /// takes; null where the device is no NVIDIA GPU of compute capability 8.0 or later.
    /// </summary>
    public double? TensorFlopsPerSecond { get; init; }

    /// <summary>
    /// The instruction of <see cref="TensorFlopsPerSecond"/>: "wgmma" with operands in local memory on compute capability 9.0, elsewhere,
    /// and where the driver refuses that, "mma.sync" with operands in registers.
    /// </summary>
    public string? TensorInstruction { get; init; }

    /// <summary>
    /// Why the driver does not assemble "wgmma" on a device of compute capability 9.0; null where it does, and on other devices.
    /// </summary>
    public string? TensorRefusal { get; init; }

    /// <summary>
    /// Operations that the device can do at most for each byte that it reads, at its best rate: work with less is limited by memory, work
    /// with more by arithmetic.
    /// </summary>
    public double Ridge => (TensorFlopsPerSecond ?? Float32FlopsPerSecond) / ReadBytesPerSecond;

    /// <summary>
    /// Measures a device; takes a second or so, and a quarter of its memory at most, 2 GiB on GPUs and 512 MiB on CPUs. Each number is the
    /// median of several launches, so nothing else should run on the device.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <exception cref="DeviceOutOfMemoryException">The memory is taken.</exception>
    /// <exception cref="ProgramBuildException">The driver's compiler refused a kernel.</exception>
    public static DeviceProfile Measure(ComputeDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        using var measurement = new ProfileMeasurement(device);
        (double read, double multiplyAdd, double overlap) = measurement.ReadAndMultiply();
        bool isSm90 = device.Capabilities.NvidiaComputeCapability == Sm90Assembly.ComputeCapability;
        (double Flops, string Instruction)? tensor = device.Capabilities.NvidiaComputeCapability >= 80
            ? measurement.TensorMultiply()
            : null;
        return new()
        {
            Device = device.Capabilities.Name,
            ReadBytesPerSecond = read,
            Float32FlopsPerSecond = multiplyAdd,
            Overlap = overlap,
            TensorFlopsPerSecond = tensor?.Flops,
            TensorInstruction = tensor?.Instruction,
            TensorRefusal = isSm90 && device.Sm90Refusal.Length > 0 ? device.Sm90Refusal : null,
        };
    }
}
