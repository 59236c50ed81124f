using Kernels.OpenCL;

namespace Decoders;

/// <summary>How fast a kernel ran.</summary>
/// <param name="Kernel">What it computes.</param>
/// <param name="Size">Of what size.</param>
/// <param name="Seconds">The median of several runs.</param>
/// <param name="Bytes">Bytes that it must read and write.</param>
/// <param name="Flops">Operations that it must do; a multiply-add counts as two.</param>
internal sealed record KernelSpeed(string Kernel, string Size, double Seconds, double Bytes, double Flops)
{
    /// <summary>
    /// Which part of the device's speed it reaches: the time that its bytes or its operations take at best, by the time that it took.
    /// </summary>
    public double ShareOf(DeviceProfile device) =>
        Math.Max(
            Bytes / device.ReadBytesPerSecond,
            Flops / ((OnTensorCores ? device.TensorFlopsPerSecond : null) ?? device.Float32FlopsPerSecond)) / Seconds;

    /// <summary>Whether tensor cores multiply, whose speed then counts.</summary>
    public bool OnTensorCores { get; init; }
}
