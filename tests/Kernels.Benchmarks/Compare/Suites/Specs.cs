namespace Kernels.Benchmarks.Compare;

// The attention that is measured, declared as a user would.

/// <summary>16 heads of 64.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 64, Mask = AttentionMask.Causal)]
public sealed partial class MultiHead64;

/// <summary>The same without a mask, in float16.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 64, Storage = ElementType.Float16)]
public sealed partial class MultiHead64HalfFull;

/// <summary>32 heads of 128 without sharing, in float16.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
public sealed partial class MultiHead128Half;

/// <summary>Llama 3's shape.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal)]
public sealed partial class Grouped;

/// <summary>The same in float16.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
public sealed partial class GroupedHalf;

/// <summary>The same in bfloat16.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
public sealed partial class GroupedBFloat16;

/// <summary>Float16 over a cache in int8.</summary>
[AttentionKernel(
    queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16, CacheStorage = ElementType.Int8)]
public sealed partial class GroupedInt8;

/// <summary>Float16 over a cache in fp8.</summary>
[AttentionKernel(
    queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16,
    CacheStorage = ElementType.Float8E4M3)]
public sealed partial class GroupedFloat8;

/// <summary>Float16 over a cache in int4.</summary>
[AttentionKernel(
    queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16, CacheStorage = ElementType.Int4)]
public sealed partial class GroupedInt4;

/// <summary>Pages of 16 tokens.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16)]
public sealed partial class GroupedPaged;

/// <summary>Pages of 16 tokens, float16.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16, PageSize = 16)]
public sealed partial class GroupedPagedHalf;

/// <summary>Pages of 16 tokens in int8.</summary>
[AttentionKernel(
    queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16, CacheStorage = ElementType.Int8,
    PageSize = 16)]
public sealed partial class GroupedPagedInt8;

/// <summary>Wide heads, float16.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
public sealed partial class Grouped256Half;

/// <summary>A query sees 128 keys, its own included.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, WindowLeft = 127)]
public sealed partial class GroupedWindow;

/// <summary>
/// DeepSeek's latent attention, absorbed: 512 of the latent and 64 that turn; the scale is that of heads of 192, without YaRN's factor.
/// </summary>
[AttentionKernel(
    queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Scale = 0.07216878, Mask = AttentionMask.Causal)]
public sealed partial class Latent;

/// <summary>The same in float16.</summary>
[AttentionKernel(
    queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Scale = 0.07216878, Mask = AttentionMask.Causal,
    Storage = ElementType.Float16)]
public sealed partial class LatentHalf;

/// <summary>The same in pages of 64 tokens.</summary>
[AttentionKernel(
    queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Scale = 0.07216878, Mask = AttentionMask.Causal,
    Storage = ElementType.Float16, PageSize = 64)]
public sealed partial class LatentPagedHalf;

/// <summary>DeepSeek's attention, expanded: 16 heads as in V2-Lite.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
public sealed partial class ExpandedHalf;

/// <summary>A model small enough for long prompts on a CPU.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 64, Mask = AttentionMask.Causal)]
public sealed partial class SmallGrouped;
