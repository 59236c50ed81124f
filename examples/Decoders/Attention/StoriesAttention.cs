namespace Decoders;

// The attention of the checkpoints that come with this program, with either kind of cache.

/// <summary>stories-gqa: grouped-query attention.</summary>
[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class StoriesGqa;

/// <inheritdoc cref="StoriesGqa"/>
[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class StoriesGqaPaged;

/// <summary>stories-mla: latent attention, absorbed.</summary>
[AttentionKernel(
    queryHeads: 6, kvHeads: 1, headDim: 80, ValueDim = 64, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved,
    Scale = 0.14433756729740643, Storage = ElementType.BFloat16)]
internal sealed partial class StoriesMlaAbsorbed;

/// <inheritdoc cref="StoriesMlaAbsorbed"/>
[AttentionKernel(
    queryHeads: 6, kvHeads: 1, headDim: 80, ValueDim = 64, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved,
    Scale = 0.14433756729740643, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class StoriesMlaAbsorbedPaged;

/// <summary>stories-mla: its latents made into keys and values of all heads.</summary>
[AttentionKernel(
    queryHeads: 6, kvHeads: 6, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16,
    Storage = ElementType.BFloat16)]
internal sealed partial class StoriesMlaExpanded;
