using Kernels.OpenCL;

namespace Decoders;

/// <summary>The attention types that this program was compiled with, by the geometry of a model's heads.</summary>
public static class AttentionRegistry
{
    /// <summary>Makes the attention of a model.</summary>
    /// <param name="device">The device.</param>
    /// <param name="config">The model.</param>
    /// <param name="sequences">Sequences that run side by side.</param>
    /// <param name="capacity">The most tokens that a sequence may have.</param>
    /// <exception cref="CheckpointException">No attention kernel was compiled in for the model's heads.</exception>
    public static IDecoderAttention Create(ComputeDevice device, ModelConfig config, int sequences, int capacity) =>
        throw new CheckpointException(
            ModelConfig.FileName,
            $"no attention kernel for this geometry: {config.QueryHeads} query heads over {config.KvHeads} KV heads of {config.HeadDim}");
}
