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

internal sealed class ContextHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseContext(handle) == ClStatus.Success;
}

internal sealed class QueueHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseQueue(handle) == ClStatus.Success;
}

internal class MemoryHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseMemory(handle) == ClStatus.Success;
}

internal sealed class ProgramHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseProgram(handle) == ClStatus.Success;
}

internal sealed class KernelHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseKernel(handle) == ClStatus.Success;
}

/// <summary>Keeps a handle from being released for the length of a using block, and hands out its value.</summary>
internal ref struct HandleScope
{
    private readonly ClHandle owner;
    private bool held;

    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    public HandleScope(ClHandle owner)
    {
        this.owner = owner;
        owner.DangerousAddRef(ref held);
        Value = owner.DangerousGetHandle();
    }

    /// <summary>The OpenCL handle.</summary>
    public nint Value { get; }

    public void Dispose()
    {
        if (held)
        {
            held = false;
            owner.DangerousRelease();
        }
    }
}
