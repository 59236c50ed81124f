using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Tests that run kernels: they take turns on the devices.</summary>
[CollectionDefinition(Name)]
public sealed class DeviceCollection : ICollectionFixture<Devices>
{
    public const string Name = "devices";
}
