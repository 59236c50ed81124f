using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>A built program as the cache keeps it; the <see cref="ComputeProgram"/>s handed out share it.</summary>
internal sealed record CompiledProgram(
    ComputeDevice Device, ProgramHandle Handle, string Name, string BuildLog, IReadOnlyList<string> KernelNames, bool FromDiskCache);
