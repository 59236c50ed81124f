using Kernels.OpenCL;

namespace Kernels;

/// <summary>The default device, opened once for the tests that share it. A machine without a device skips them.</summary>
public sealed class DeviceFixture : IDisposable
{
    private readonly ComputeDevice? device;
    private readonly string reason = string.Empty;

    public DeviceFixture()
    {
        try
        {
            // What a test runs must not depend on times.
            device = ComputeDevice.Open(options: new() { Tuning = TuningMode.Off });
        }
        catch (NoDeviceException e)
        {
            reason = e.Message;
        }
    }

    public ComputeDevice Device
    {
        get
        {
            Skip.If(device is null, reason);
            return device!;
        }
    }

    public void Dispose() => device?.Dispose();
}
