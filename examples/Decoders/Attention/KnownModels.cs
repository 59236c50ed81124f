using Kernels;

namespace Decoders;

// One type for each attention that this program can run with each kind of cache, with the models that have it. The generator
// writes the kernels and the bindings of each. Queries, keys, values and outputs are float16, like the cache: what tensor cores take.
// KnownModelsBFloat16.cs has the same in bfloat16. To run a model of your own, add its lines here or there, and to AttentionTypes.cs.

/// <summary>GPT-2.</summary>
[AttentionKernel(queryHeads: 12, kvHeads: 12, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads12Over12Of64;

/// <inheritdoc cref="Heads12Over12Of64"/>
[AttentionKernel(queryHeads: 12, kvHeads: 12, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads12Over12Of64Paged;

/// <summary>SmolLM 135M.</summary>
[AttentionKernel(queryHeads: 9, kvHeads: 3, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads9Over3Of64;

/// <inheritdoc cref="Heads9Over3Of64"/>
[AttentionKernel(queryHeads: 9, kvHeads: 3, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads9Over3Of64Paged;

/// <summary>SmolLM 360M.</summary>
[AttentionKernel(queryHeads: 15, kvHeads: 5, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads15Over5Of64;

/// <inheritdoc cref="Heads15Over5Of64"/>
[AttentionKernel(queryHeads: 15, kvHeads: 5, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads15Over5Of64Paged;

/// <summary>TinyLlama 1.1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 4, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over4Of64;

/// <inheritdoc cref="Heads32Over4Of64"/>
[AttentionKernel(queryHeads: 32, kvHeads: 4, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over4Of64Paged;

/// <summary>Llama 3.2 1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of64;

/// <inheritdoc cref="Heads32Over8Of64"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of64Paged;

/// <summary>Llama 3.2 3B.</summary>
[AttentionKernel(queryHeads: 24, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads24Over8Of128;

/// <inheritdoc cref="Heads24Over8Of128"/>
[AttentionKernel(queryHeads: 24, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads24Over8Of128Paged;

/// <summary>Llama 2 7B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over32Of128;

/// <inheritdoc cref="Heads32Over32Of128"/>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over32Of128Paged;

/// <summary>Llama 3 8B, Mistral 7B from version 0.2 on, Qwen-3 4B and 8B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128;

/// <inheritdoc cref="Heads32Over8Of128"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128Paged;

/// <summary>Mistral 7B of version 0.1.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, WindowLeft = 4095, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128Window4096;

/// <inheritdoc cref="Heads32Over8Of128Window4096"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, WindowLeft = 4095, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over8Of128Window4096Paged;

/// <summary>Llama 3 70B, Qwen-3 32B.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of128;

/// <inheritdoc cref="Heads64Over8Of128"/>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of128Paged;

/// <summary>Qwen-3 0.6B and 1.7B.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over8Of128;

/// <inheritdoc cref="Heads16Over8Of128"/>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over8Of128Paged;

/// <summary>Gemma 2B.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 1, headDim: 256, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads8Over1Of256;

/// <inheritdoc cref="Heads8Over1Of256"/>
[AttentionKernel(queryHeads: 8, kvHeads: 1, headDim: 256, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads8Over1Of256Paged;

/// <summary>Gemma 7B.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 256, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over16Of256;

/// <inheritdoc cref="Heads16Over16Of256"/>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 256, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over16Of256Paged;

/// <summary>Gemma-2 2B, layers that see everything.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, Storage = ElementType.Float16)]
internal sealed partial class Heads8Over4Of256Capped;

/// <inheritdoc cref="Heads8Over4Of256Capped"/>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads8Over4Of256CappedPaged;

/// <summary>Gemma-2 2B, layers with a window.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, Storage = ElementType.Float16)]
internal sealed partial class Heads8Over4Of256Window4096Capped;

/// <inheritdoc cref="Heads8Over4Of256Window4096Capped"/>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads8Over4Of256Window4096CappedPaged;

/// <summary>Gemma-2 9B, layers that see everything.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over8Of256Capped;

/// <inheritdoc cref="Heads16Over8Of256Capped"/>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over8Of256CappedPaged;

/// <summary>Gemma-2 9B, layers with a window.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over8Of256Window4096Capped;

/// <inheritdoc cref="Heads16Over8Of256Window4096Capped"/>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over8Of256Window4096CappedPaged;

/// <summary>Bloom 560M.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 64, Mask = AttentionMask.Causal, Alibi = true, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over16Of64Alibi;

/// <inheritdoc cref="Heads16Over16Of64Alibi"/>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 64, Mask = AttentionMask.Causal, Alibi = true, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads16Over16Of64AlibiPaged;

/// <summary>Bloom 7.1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Alibi = true, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over32Of128Alibi;

/// <inheritdoc cref="Heads32Over32Of128Alibi"/>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Alibi = true, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads32Over32Of128AlibiPaged;

/// <summary>Gpt-oss 20B, layers that see everything.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, Sinks = true, Storage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of64Sinks;

/// <inheritdoc cref="Heads64Over8Of64Sinks"/>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, Sinks = true, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of64SinksPaged;

/// <summary>Gpt-oss 20B, layers with a window.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, WindowLeft = 127, Sinks = true, Storage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of64Window128Sinks;

/// <inheritdoc cref="Heads64Over8Of64Window128Sinks"/>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, WindowLeft = 127, Sinks = true, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class Heads64Over8Of64Window128SinksPaged;

/// <summary>DeepSeek-V2-Lite, absorbed.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2LiteAbsorbed;

/// <inheritdoc cref="DeepSeekV2LiteAbsorbed"/>
[AttentionKernel(queryHeads: 16, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2LiteAbsorbedPaged;

/// <summary>DeepSeek-V2-Lite, expanded.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2LiteExpanded;

/// <inheritdoc cref="DeepSeekV2LiteExpanded"/>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2LiteExpandedPaged;

/// <summary>DeepSeek-V2, absorbed.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2Absorbed;

/// <inheritdoc cref="DeepSeekV2Absorbed"/>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2AbsorbedPaged;

/// <summary>DeepSeek-V2, expanded.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2Expanded;

/// <inheritdoc cref="DeepSeekV2Expanded"/>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV2ExpandedPaged;

/// <summary>DeepSeek-V3 and R1, absorbed.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.1352337788608801, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV3Absorbed;

/// <inheritdoc cref="DeepSeekV3Absorbed"/>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.1352337788608801, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV3AbsorbedPaged;

/// <summary>DeepSeek-V3 and R1, expanded.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.1352337788608801, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV3Expanded;

/// <inheritdoc cref="DeepSeekV3Expanded"/>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.1352337788608801, PageSize = 16, Storage = ElementType.Float16)]
internal sealed partial class DeepSeekV3ExpandedPaged;
