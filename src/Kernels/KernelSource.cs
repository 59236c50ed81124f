namespace Kernels;

/// <summary>Returns the OpenCL C source, in UTF-8, of one kernel of a spec.</summary>
public delegate ReadOnlySpan<byte> KernelSource(KernelTarget target, KernelAlgorithm algorithm);
