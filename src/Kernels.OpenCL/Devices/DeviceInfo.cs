namespace Kernels.OpenCL;

/// <summary>A device of this machine that can be opened.</summary>
public sealed class DeviceInfo
{
    internal DeviceInfo(int platformIndex, int index, DeviceCapabilities capabilities, nint platformId = 0, nint deviceId = 0)
    {
        PlatformIndex = platformIndex;
        Index = index;
        Capabilities = capabilities;
        PlatformId = platformId;
        DeviceId = deviceId;
    }

    /// <summary>The platform's place among all platforms, from 0.</summary>
    public int PlatformIndex { get; }

    /// <summary>The device's place among the devices of all platforms, from 0; stable while the machine's drivers do not change.</summary>
    public int Index { get; }

    /// <summary>What the device is and can do.</summary>
    public DeviceCapabilities Capabilities { get; }

    internal nint PlatformId { get; }

    internal nint DeviceId { get; }

    /// <summary>Such as "#0 NVIDIA H200 (GPU, NVIDIA CUDA)".</summary>
    public override string ToString() => $"#{Index} {Capabilities.Name} ({KindName(Capabilities.Kind)}, {Capabilities.PlatformName})";

    internal static string KindName(DeviceKind kind) => kind switch
    {
        DeviceKind.Cpu => "CPU",
        DeviceKind.Gpu => "GPU",
        DeviceKind.Accelerator => "accelerator",
        _ => "other",
    };
}
