namespace Kernels.Conformance.Tests;

/// <summary>Tests that share a device run one after the other: each kernel takes the whole machine anyway.</summary>
[CollectionDefinition(Name)]
public sealed class DeviceCollection : ICollectionFixture<DeviceFixture>
{
    public const string Name = "device";
}
