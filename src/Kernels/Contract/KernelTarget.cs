namespace Kernels;

/// <summary>
/// The kind of machine that a kernel source is written for; those that need NVIDIA's tensor cores have the name of the compute capability
/// that has them first. Portable and cpu are emitted for every spec, the others where they can do its arithmetic; the runtime picks one by
/// capability.
/// </summary>
public enum KernelTarget
{
    /// <summary>OpenCL C 1.2 without any extension: tiles in local memory, shared by a work-group.</summary>
    Portable = 0,

    /// <summary>A CPU: one work-item owns a tile in explicit vectors, without local memory and barriers.</summary>
    Cpu = 1,

    /// <summary>
    /// NVIDIA GPUs of compute capability 8.0 and later: tensor cores and asynchronous copies through inline PTX. Only where they can do a
    /// spec's arithmetic: 16-bit storage, a cache of the same type or a quantised one, dimensions of whole 16s (int4: 32s) up to 256.
    /// </summary>
    Sm80 = 2,

    /// <summary>
    /// NVIDIA GPUs of compute capability 9.0: products of whole groups of warps that run beside the softmax (wgmma), by a second assembly
    /// of the built program. Only where sm80 is, in dimensions of whole 64s, and for latent caches in 16 bits whose value is of whole
    /// 128s.
    /// </summary>
    Sm90 = 3,
}
