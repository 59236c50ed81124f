namespace Kernels.OpenCL.Native;

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
