using Kernels;

namespace Decoders;

// One type for each head geometry that this program can run, with the models that have it. The generator writes the
// kernels and the bindings of each. To run a model of your own, add its line here and to AttentionRegistry.

/// <summary>6 over 2 heads of 32: the stories-gqa checkpoint that comes with the examples.</summary>
[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal)]
internal sealed partial class Heads6Over2Of32;

/// <summary>8 over 2 heads of 16: a small Llama of the tests.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal)]
internal sealed partial class Heads8Over2Of16;

/// <summary>4 over 2 heads of 16: a small Mistral of the tests.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal)]
internal sealed partial class Heads4Over2Of16;

/// <summary>9 over 3 heads of 64: SmolLM 135M.</summary>
[AttentionKernel(queryHeads: 9, kvHeads: 3, headDim: 64, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads9Over3Of64;

/// <summary>15 over 5 heads of 64: SmolLM 360M.</summary>
[AttentionKernel(queryHeads: 15, kvHeads: 5, headDim: 64, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads15Over5Of64;

/// <summary>32 over 4 heads of 64: TinyLlama 1.1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 4, headDim: 64, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads32Over4Of64;

/// <summary>32 over 8 heads of 64: Llama 3.2 1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of64;

/// <summary>24 over 8 heads of 128: Llama 3.2 3B.</summary>
[AttentionKernel(queryHeads: 24, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads24Over8Of128;

/// <summary>32 over 32 heads of 128: Llama 2 7B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads32Over32Of128;

/// <summary>32 over 8 heads of 128: Llama 3 8B, Mistral 7B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128;

/// <summary>64 over 8 heads of 128: Llama 3 70B.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, CacheStorage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of128;
