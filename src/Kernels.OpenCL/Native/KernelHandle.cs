namespace Kernels.OpenCL.Native;

internal sealed class KernelHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseKernel(handle) == ClStatus.Success;
}
