namespace Kernels.OpenCL.Native;

internal sealed class QueueHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseQueue(handle) == ClStatus.Success;
}
