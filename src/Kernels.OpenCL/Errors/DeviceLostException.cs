namespace Kernels.OpenCL;

/// <summary>
/// The device stopped answering: it was removed or reset, or a kernel broke its context. Everything on the <see cref="ComputeDevice"/>
/// is gone; dispose it and open a new one.
/// </summary>
public sealed class DeviceLostException : ComputeException
{
    internal DeviceLostException(string message, int code)
        : base(message, code)
    {
    }
}
