namespace Decoders;

// The attention of Llama 3 8B, Mistral 7B, Qwen-3 8B, Granite 8B and many others.

/// <summary>32 query heads over 8 KV heads of 128.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128;

/// <inheritdoc cref="Heads32Over8Of128"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128Paged;
