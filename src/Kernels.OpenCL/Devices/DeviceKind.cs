namespace Kernels.OpenCL;

/// <summary>What kind of processor a device is.</summary>
public enum DeviceKind
{
    /// <summary>None of the others.</summary>
    Other,

    /// <summary>The host's processor.</summary>
    Cpu,

    /// <summary>A graphics processor.</summary>
    Gpu,

    /// <summary>A processor made for computing only.</summary>
    Accelerator,
}
