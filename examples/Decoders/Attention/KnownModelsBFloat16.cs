using Kernels;

namespace Decoders;

// The types of KnownModels.cs in bfloat16, for checkpoints whose weights are: their keys and queries may be beyond what float16 has.

/// <summary>GPT-2.</summary>
[AttentionKernel(queryHeads: 12, kvHeads: 12, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads12Over12Of64BFloat16;

/// <inheritdoc cref="Heads12Over12Of64BFloat16"/>
[AttentionKernel(queryHeads: 12, kvHeads: 12, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads12Over12Of64BFloat16Paged;

/// <summary>SmolLM 135M.</summary>
[AttentionKernel(queryHeads: 9, kvHeads: 3, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads9Over3Of64BFloat16;

/// <inheritdoc cref="Heads9Over3Of64BFloat16"/>
[AttentionKernel(queryHeads: 9, kvHeads: 3, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads9Over3Of64BFloat16Paged;

/// <summary>SmolLM 360M.</summary>
[AttentionKernel(queryHeads: 15, kvHeads: 5, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads15Over5Of64BFloat16;

/// <inheritdoc cref="Heads15Over5Of64BFloat16"/>
[AttentionKernel(queryHeads: 15, kvHeads: 5, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads15Over5Of64BFloat16Paged;

/// <summary>TinyLlama 1.1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 4, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over4Of64BFloat16;

/// <inheritdoc cref="Heads32Over4Of64BFloat16"/>
[AttentionKernel(queryHeads: 32, kvHeads: 4, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over4Of64BFloat16Paged;

/// <summary>Llama 3.2 1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over8Of64BFloat16;

/// <inheritdoc cref="Heads32Over8Of64BFloat16"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over8Of64BFloat16Paged;

/// <summary>Llama 3.2 3B.</summary>
[AttentionKernel(queryHeads: 24, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads24Over8Of128BFloat16;

/// <inheritdoc cref="Heads24Over8Of128BFloat16"/>
[AttentionKernel(queryHeads: 24, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads24Over8Of128BFloat16Paged;

/// <summary>Llama 2 7B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over32Of128BFloat16;

/// <inheritdoc cref="Heads32Over32Of128BFloat16"/>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over32Of128BFloat16Paged;

/// <summary>Llama 3 8B, Mistral 7B from version 0.2 on, Qwen-3 4B and 8B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over8Of128BFloat16;

/// <inheritdoc cref="Heads32Over8Of128BFloat16"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over8Of128BFloat16Paged;

/// <summary>Mistral 7B of version 0.1.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, WindowLeft = 4095, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over8Of128Window4096BFloat16;

/// <inheritdoc cref="Heads32Over8Of128Window4096BFloat16"/>
[AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, WindowLeft = 4095, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over8Of128Window4096BFloat16Paged;

/// <summary>Llama 3 70B, Qwen-3 32B.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads64Over8Of128BFloat16;

/// <inheritdoc cref="Heads64Over8Of128BFloat16"/>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads64Over8Of128BFloat16Paged;

/// <summary>Qwen-3 0.6B and 1.7B.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over8Of128BFloat16;

/// <inheritdoc cref="Heads16Over8Of128BFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over8Of128BFloat16Paged;

/// <summary>Gemma 2B.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 1, headDim: 256, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads8Over1Of256BFloat16;

/// <inheritdoc cref="Heads8Over1Of256BFloat16"/>
[AttentionKernel(queryHeads: 8, kvHeads: 1, headDim: 256, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads8Over1Of256BFloat16Paged;

/// <summary>Gemma 7B.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 256, Mask = AttentionMask.Causal, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over16Of256BFloat16;

/// <inheritdoc cref="Heads16Over16Of256BFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 256, Mask = AttentionMask.Causal, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over16Of256BFloat16Paged;

/// <summary>Gemma-2 2B, layers that see everything.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, Storage = ElementType.BFloat16)]
internal sealed partial class Heads8Over4Of256CappedBFloat16;

/// <inheritdoc cref="Heads8Over4Of256CappedBFloat16"/>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads8Over4Of256CappedBFloat16Paged;

/// <summary>Gemma-2 2B, layers with a window.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, Storage = ElementType.BFloat16)]
internal sealed partial class Heads8Over4Of256Window4096CappedBFloat16;

/// <inheritdoc cref="Heads8Over4Of256Window4096CappedBFloat16"/>
[AttentionKernel(queryHeads: 8, kvHeads: 4, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads8Over4Of256Window4096CappedBFloat16Paged;

/// <summary>Gemma-2 9B, layers that see everything.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over8Of256CappedBFloat16;

/// <inheritdoc cref="Heads16Over8Of256CappedBFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, Softcap = 50, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over8Of256CappedBFloat16Paged;

/// <summary>Gemma-2 9B, layers with a window.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over8Of256Window4096CappedBFloat16;

/// <inheritdoc cref="Heads16Over8Of256Window4096CappedBFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 8, headDim: 256, Mask = AttentionMask.Causal, WindowLeft = 4095, Softcap = 50, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over8Of256Window4096CappedBFloat16Paged;

/// <summary>Bloom 560M.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 64, Mask = AttentionMask.Causal, Alibi = true, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over16Of64AlibiBFloat16;

/// <inheritdoc cref="Heads16Over16Of64AlibiBFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 64, Mask = AttentionMask.Causal, Alibi = true, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads16Over16Of64AlibiBFloat16Paged;

/// <summary>Bloom 7.1B.</summary>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Alibi = true, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over32Of128AlibiBFloat16;

/// <inheritdoc cref="Heads32Over32Of128AlibiBFloat16"/>
[AttentionKernel(queryHeads: 32, kvHeads: 32, headDim: 128, Mask = AttentionMask.Causal, Alibi = true, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads32Over32Of128AlibiBFloat16Paged;

/// <summary>Gpt-oss 20B, layers that see everything.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, Sinks = true, Storage = ElementType.BFloat16)]
internal sealed partial class Heads64Over8Of64SinksBFloat16;

/// <inheritdoc cref="Heads64Over8Of64SinksBFloat16"/>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, Sinks = true, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads64Over8Of64SinksBFloat16Paged;

/// <summary>Gpt-oss 20B, layers with a window.</summary>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, WindowLeft = 127, Sinks = true, Storage = ElementType.BFloat16)]
internal sealed partial class Heads64Over8Of64Window128SinksBFloat16;

/// <inheritdoc cref="Heads64Over8Of64Window128SinksBFloat16"/>
[AttentionKernel(queryHeads: 64, kvHeads: 8, headDim: 64, Mask = AttentionMask.Causal, WindowLeft = 127, Sinks = true, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class Heads64Over8Of64Window128SinksBFloat16Paged;

/// <summary>DeepSeek-V2-Lite, absorbed.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2LiteAbsorbedBFloat16;

/// <inheritdoc cref="DeepSeekV2LiteAbsorbedBFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2LiteAbsorbedBFloat16Paged;

/// <summary>DeepSeek-V2-Lite, expanded.</summary>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2LiteExpandedBFloat16;

/// <inheritdoc cref="DeepSeekV2LiteExpandedBFloat16"/>
[AttentionKernel(queryHeads: 16, kvHeads: 16, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2LiteExpandedBFloat16Paged;

/// <summary>DeepSeek-V2, absorbed.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2AbsorbedBFloat16;

/// <inheritdoc cref="DeepSeekV2AbsorbedBFloat16"/>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2AbsorbedBFloat16Paged;

/// <summary>DeepSeek-V2, expanded.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2ExpandedBFloat16;

/// <inheritdoc cref="DeepSeekV2ExpandedBFloat16"/>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.11472138679292611, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV2ExpandedBFloat16Paged;

/// <summary>DeepSeek-V3 and R1, absorbed.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.1352337788608801, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV3AbsorbedBFloat16;

/// <inheritdoc cref="DeepSeekV3AbsorbedBFloat16"/>
[AttentionKernel(queryHeads: 128, kvHeads: 1, headDim: 576, ValueDim = 512, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.1352337788608801, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV3AbsorbedBFloat16Paged;

/// <summary>DeepSeek-V3 and R1, expanded.</summary>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.1352337788608801, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV3ExpandedBFloat16;

/// <inheritdoc cref="DeepSeekV3ExpandedBFloat16"/>
[AttentionKernel(queryHeads: 128, kvHeads: 128, headDim: 192, ValueDim = 128, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 64, Scale = 0.1352337788608801, PageSize = 16, Storage = ElementType.BFloat16)]
internal sealed partial class DeepSeekV3ExpandedBFloat16Paged;
