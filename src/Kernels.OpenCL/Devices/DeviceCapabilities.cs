using System.Collections.Immutable;

namespace Kernels.OpenCL;

/// <summary>What a device is and can do, read once when it was found.</summary>
public sealed record DeviceCapabilities
{
    internal DeviceCapabilities()
    {
    }

    /// <summary>The device's name, such as "NVIDIA H200".</summary>
    public required string Name { get; init; }

    /// <summary>The device's vendor.</summary>
    public required string Vendor { get; init; }

    /// <summary>The platform (driver) that offers the device, such as "NVIDIA CUDA".</summary>
    public required string PlatformName { get; init; }

    /// <summary>The platform's version, such as "OpenCL 3.0 CUDA 13.0".</summary>
    public required string PlatformVersion { get; init; }

    /// <summary>The driver's version.</summary>
    public required string DriverVersion { get; init; }

    /// <summary>The version of OpenCL that the device supports, such as "OpenCL 1.2 …".</summary>
    public required string OpenClVersion { get; init; }

    /// <summary>The highest version of OpenCL C that is not optional on the device, such as "OpenCL C 1.2".</summary>
    public required string OpenClCVersion { get; init; }

    /// <summary>The kind of processor.</summary>
    public required DeviceKind Kind { get; init; }

    /// <summary>Processors that run work-groups at the same time: cores of a CPU, multiprocessors of a GPU.</summary>
    public required int ComputeUnits { get; init; }

    /// <summary>The most work-items in a work-group; a kernel may have less (<see cref="ComputeKernel.WorkGroupLimit"/>).</summary>
    public required int MaxWorkGroupSize { get; init; }

    /// <summary>The most work-items along each dimension of a work-group; at least three numbers.</summary>
    public required ImmutableArray<int> MaxWorkItemSizes { get; init; }

    /// <summary>Bytes of local memory that a work-group can have.</summary>
    public required long LocalMemoryBytes { get; init; }

    /// <summary>Whether local memory is a memory of its own rather than a part of global memory, as on CPUs.</summary>
    public required bool HasDedicatedLocalMemory { get; init; }

    /// <summary>Bytes of global memory.</summary>
    public required long GlobalMemoryBytes { get; init; }

    /// <summary>The most bytes of one buffer.</summary>
    public required long MaxAllocationBytes { get; init; }

    /// <summary>Floats in the widest vector of the instruction set; 1 where work-items are the lanes.</summary>
    public required int NativeVectorWidthFloat { get; init; }

    /// <summary>Floats in the vector that the compiler likes best.</summary>
    public required int PreferredVectorWidthFloat { get; init; }

    /// <summary>The highest clock, in MHz; 0 where the driver does not tell.</summary>
    public required int MaxClockMHz { get; init; }

    /// <summary>Bits of a pointer on the device: 32 or 64.</summary>
    public required int AddressBits { get; init; }

    /// <summary>The extensions, such as "cl_khr_fp16", in the driver's order.</summary>
    public required ImmutableArray<string> Extensions { get; init; }

    /// <summary>Whether host and device share one memory.</summary>
    public required bool HasUnifiedMemory { get; init; }

    /// <summary>Ten times the compute capability of an NVIDIA GPU, such as 90 for 9.0; 0 elsewhere.</summary>
    public int NvidiaComputeCapability { get; init; }

    /// <summary>Whether the device has an extension, such as "cl_khr_fp16".</summary>
    public bool Supports(string extension) => Extensions.Contains(extension, StringComparer.Ordinal);
}
