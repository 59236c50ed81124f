using Kernels;

namespace Decoders.Tests;

// The attention of small checkpoints in both 16-bit types, as that of the known models is.

[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class HalfLlama;

[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 48, ValueDim = 32, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.14433756729740643, Storage = ElementType.Float16)]
internal sealed partial class HalfLatents;

[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16, Storage = ElementType.Float16)]
internal sealed partial class HalfExpanded;

[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class BFloatLlama;

[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 48, ValueDim = 32, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.14433756729740643, Storage = ElementType.BFloat16)]
internal sealed partial class BFloatLatents;

[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16, Storage = ElementType.BFloat16)]
internal sealed partial class BFloatExpanded;
