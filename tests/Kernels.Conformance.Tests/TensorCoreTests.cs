using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>Linear layers of decoders by NVIDIA's tensor cores, on a machine that has such a GPU.</summary>
[Collection(DeviceCollection.Name)]
public sealed class TensorCoreTests
{
    [SkippableFact]
    public void LinearLayersAgreeWithDoublePrecision()
    {
        DeviceInfo? gpu = ComputeDevice.Enumerate().FirstOrDefault(info => info.Kind == DeviceKind.Gpu && info.PlatformName.Contains("NVIDIA", StringComparison.Ordinal));
        Skip.If(gpu is null, "This machine has no NVIDIA GPU.");
        using ComputeDevice device = ComputeDevice.Open(gpu!);
        Skip.If(device.Capabilities.NvidiaComputeCapability < 80, "This machine's NVIDIA GPU has a compute capability below 8.0.");
        Assert.Empty(TensorCoreCheck.All.Select(check => (check, Failure: check.Run(device))).Where(result => result.Failure is not null));
    }
}
