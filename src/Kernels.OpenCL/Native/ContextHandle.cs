namespace Kernels.OpenCL.Native;

internal sealed class ContextHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseContext(handle) == ClStatus.Success;
}
