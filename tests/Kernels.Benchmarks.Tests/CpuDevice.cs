using Kernels.OpenCL;

namespace Kernels.Benchmarks.Tests;

/// <summary>What tests on a CPU need.</summary>
internal static class CpuDevice
{
    /// <summary>Skips a test where there is none.</summary>
    public static void Require() =>
        Skip.If(
            !ComputeDevice.Enumerate().Any(device => device.Capabilities.Kind == DeviceKind.Cpu),
            "The machine has no OpenCL device of kind CPU.");
}
