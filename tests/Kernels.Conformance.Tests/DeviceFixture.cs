using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>The default device, opened once for all tests that use it. A machine without a device skips them.</summary>
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

/// <summary>Tests that share a device run one after the other: each kernel takes the whole machine anyway.</summary>
[CollectionDefinition(Name)]
public sealed class DeviceCollection : ICollectionFixture<DeviceFixture>
{
    public const string Name = "device";
}
