using Kernels.OpenCL;

namespace Kernels.Paging.Tests;

/// <summary>A device for the tests of a class. A machine without one skips the tests.</summary>
public sealed class DeviceFixture : IDisposable
{
    private readonly ComputeDevice? device;
    private readonly string reason = string.Empty;

    public DeviceFixture()
    {
        try
        {
            device = ComputeDevice.Open();
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
