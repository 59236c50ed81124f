using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Native;

/// <summary>What <c>dladdr</c> tells of an address (Dl_info).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ModuleInfo
{
    private readonly nint path;
    private readonly nint start;
    private readonly nint symbolName;
    private readonly nint symbolAddress;

    /// <summary>The file as the linker knows it.</summary>
    public string Path => Marshal.PtrToStringUTF8(path) ?? string.Empty;

    /// <summary>Where the module begins in memory.</summary>
    public nint Start => start;
}
