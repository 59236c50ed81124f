using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>The same with tokens that are drawn on the device, as GPUs have it.</summary>
[Collection(DeviceCollection.Name)]
public sealed class EngineOnDeviceTests(Devices devices) : EngineTests(devices)
{
    /// <inheritdoc/>
    protected override bool DrawsOnDevice => true;
}
