using Silk.NET.OpenCL;
using SilkDeviceInfo = Silk.NET.OpenCL.DeviceInfo;

namespace Kernels.OpenCL.Native;

/// <summary>What can be asked of a kernel on a device.</summary>
internal enum KernelProperty : uint
{
    WorkGroupSize = KernelWorkGroupInfo.WorkGroupSize,
    CompileWorkGroupSize = KernelWorkGroupInfo.CompileWorkGroupSize,
    PreferredWorkGroupSizeMultiple = KernelWorkGroupInfo.PreferredWorkGroupSizeMultiple,
    LocalMemorySize = KernelWorkGroupInfo.LocalMemSize,
    PrivateMemorySize = KernelWorkGroupInfo.PrivateMemSize,
}
