namespace Kernels.OpenCL.Native;

internal class MemoryHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseMemory(handle) == ClStatus.Success;
}
