namespace Kernels.Decoding.Tests;

[AttentionKernel(queryHeads: 2, kvHeads: 1, headDim: 24, Mask = AttentionMask.Causal, PageSize = 32)]
internal sealed partial class RegisteredAttention;
