namespace Kernels.OpenCL.Native;

internal sealed class ProgramHandle(nint handle) : ClHandle(handle)
{
    protected override bool ReleaseHandle() => ClApi.ReleaseProgram(handle) == ClStatus.Success;
}
