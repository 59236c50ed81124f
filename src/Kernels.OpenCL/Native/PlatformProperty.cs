using Silk.NET.OpenCL;
using SilkDeviceInfo = Silk.NET.OpenCL.DeviceInfo;

namespace Kernels.OpenCL.Native;

/// <summary>What can be asked of a platform.</summary>
internal enum PlatformProperty : uint
{
    Name = PlatformInfo.Name,
    Version = PlatformInfo.Version,
}
