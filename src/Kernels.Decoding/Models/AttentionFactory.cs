using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>Makes a decoder's attention for a number of sequences of up to a number of tokens.</summary>
internal delegate IDecoderAttention AttentionFactory(ComputeDevice device, ModelConfig config, int sequences, int capacity);
