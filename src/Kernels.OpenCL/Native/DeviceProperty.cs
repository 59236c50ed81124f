using Silk.NET.OpenCL;
using SilkDeviceInfo = Silk.NET.OpenCL.DeviceInfo;

namespace Kernels.OpenCL.Native;

/// <summary>What can be asked of a device.</summary>
internal enum DeviceProperty : uint
{
    Name = SilkDeviceInfo.Name,
    Vendor = SilkDeviceInfo.Vendor,
    DriverVersion = SilkDeviceInfo.DriverVersion,
    Version = SilkDeviceInfo.Version,
    // By number: Silk.NET marks the name as deprecated by OpenCL 3.0, but 1.2 has nothing else.
    OpenClCVersion = 0x103D,
    Type = SilkDeviceInfo.Type,
    Available = SilkDeviceInfo.Available,
    MaxComputeUnits = SilkDeviceInfo.MaxComputeUnits,
    MaxWorkGroupSize = SilkDeviceInfo.MaxWorkGroupSize,
    MaxWorkItemSizes = SilkDeviceInfo.MaxWorkItemSizes,
    LocalMemorySize = SilkDeviceInfo.LocalMemSize,
    LocalMemoryType = SilkDeviceInfo.LocalMemType,
    GlobalMemorySize = SilkDeviceInfo.GlobalMemSize,
    MaxAllocationSize = SilkDeviceInfo.MaxMemAllocSize,
    NativeVectorWidthFloat = SilkDeviceInfo.NativeVectorWidthFloat,
    PreferredVectorWidthFloat = SilkDeviceInfo.PreferredVectorWidthFloat,
    MaxClockFrequency = SilkDeviceInfo.MaxClockFrequency,
    AddressBits = SilkDeviceInfo.AddressBits,
    Extensions = SilkDeviceInfo.Extensions,
    // By number, as above: deprecated by 2.0.
    HostUnifiedMemory = 0x1035,
    // Of cl_nv_device_attribute_query.
    NvidiaComputeCapabilityMajor = 0x4000,
    NvidiaComputeCapabilityMinor = 0x4001,
}
