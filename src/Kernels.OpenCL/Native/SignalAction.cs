using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Native;

/// <summary>A signal's action as the C library has it: its bytes are only ever copied, and no library's are more.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct SignalAction
{
    /// <summary>The handler, or 0 and 1 for "default" and "ignore". Every Linux that .NET runs on has it first.</summary>
    public nint Handler;

    /// <summary>Whether there is a function to call.</summary>
    public readonly bool HasHandler => Handler is not (0 or 1);
}
