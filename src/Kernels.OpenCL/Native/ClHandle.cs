using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Native;

/// <summary>An OpenCL object that is released once, when its owner is disposed and no call is using it any more.</summary>
internal abstract class ClHandle : SafeHandle
{
    protected ClHandle(nint handle)
        : base(0, ownsHandle: true) => SetHandle(handle);

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;
}
