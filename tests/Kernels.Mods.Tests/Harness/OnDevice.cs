using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Mods.Tests.Harness;

/// <summary>Classes whose tests run on the device, which share it.</summary>
[CollectionDefinition(Name)]
public sealed class OnDevice : ICollectionFixture<ModDevice>
{
    public const string Name = "On a device";
}
