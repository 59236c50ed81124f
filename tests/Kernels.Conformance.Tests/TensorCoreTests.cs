using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>Linear layers of decoders by NVIDIA's tensor cores, on a machine that has such a GPU.</summary>
[Collection(DeviceCollection.Name)]
public sealed class TensorCoreTests
{
    [SkippableFact]
    public void LinearLayersAgreeWithDoublePrecision()
    {
        DeviceInfo? gpu = ComputeDevice.Enumerate().FirstOrDefault(info => info.Capabilities.NvidiaComputeCapability >= 80);
        Skip.If(gpu is null, "This machine has no NVIDIA GPU of compute capability 8.0 or later.");
        using ComputeDevice device = ComputeDevice.Open(gpu!);
        Assert.All(TensorChecks.All(device), check => Assert.Null(check.Run()));
    }
}
