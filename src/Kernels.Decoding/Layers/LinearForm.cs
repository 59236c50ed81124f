namespace Kernels.Decoding;

/// <summary>How the linear layers are computed.</summary>
internal enum LinearForm
{
    /// <summary>Each work-item has a tile of outputs in wide vectors, alone: for CPUs.</summary>
    Vectors,

    /// <summary>Work-groups share what they read through local memory: for GPUs.</summary>
    WorkGroups,
}
