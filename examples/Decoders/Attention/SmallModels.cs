using Kernels;

namespace Decoders;

// The attention of the shipped checkpoint and of the small ones that the tests run, as in KnownModels.cs; in float32.

/// <summary>The stories-gqa checkpoint that comes with the examples.</summary>
[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal)]
internal sealed partial class Heads6Over2Of32;

/// <inheritdoc cref="Heads6Over2Of32"/>
[AttentionKernel(queryHeads: 6, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal, PageSize = 16)]
internal sealed partial class Heads6Over2Of32Paged;

/// <summary>A small GPT-2.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 16, Mask = AttentionMask.Causal)]
internal sealed partial class Heads4Over4Of16;

/// <inheritdoc cref="Heads4Over4Of16"/>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 16, Mask = AttentionMask.Causal, PageSize = 16)]
internal sealed partial class Heads4Over4Of16Paged;

/// <summary>A small Llama.</summary>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal)]
internal sealed partial class Heads8Over2Of16;

/// <inheritdoc cref="Heads8Over2Of16"/>
[AttentionKernel(queryHeads: 8, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, PageSize = 16)]
internal sealed partial class Heads8Over2Of16Paged;

/// <summary>A small Gemma.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 32, Mask = AttentionMask.Causal)]
internal sealed partial class Heads4Over1Of32;

/// <inheritdoc cref="Heads4Over1Of32"/>
[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 32, Mask = AttentionMask.Causal, PageSize = 16)]
internal sealed partial class Heads4Over1Of32Paged;

/// <summary>A small Mistral.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, WindowLeft = 15)]
internal sealed partial class Heads4Over2Of16Window16;

/// <inheritdoc cref="Heads4Over2Of16Window16"/>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, WindowLeft = 15, PageSize = 16)]
internal sealed partial class Heads4Over2Of16Window16Paged;

/// <summary>A small Gemma-2, layers that see everything.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, Softcap = 5)]
internal sealed partial class Heads4Over2Of16Capped;

/// <inheritdoc cref="Heads4Over2Of16Capped"/>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, Softcap = 5, PageSize = 16)]
internal sealed partial class Heads4Over2Of16CappedPaged;

/// <summary>A small Gemma-2, layers with a window.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, WindowLeft = 15, Softcap = 5)]
internal sealed partial class Heads4Over2Of16Window16Capped;

/// <inheritdoc cref="Heads4Over2Of16Window16Capped"/>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, WindowLeft = 15, Softcap = 5, PageSize = 16)]
internal sealed partial class Heads4Over2Of16Window16CappedPaged;

/// <summary>A small Bloom.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 16, Mask = AttentionMask.Causal, Alibi = true)]
internal sealed partial class Heads4Over4Of16Alibi;

/// <inheritdoc cref="Heads4Over4Of16Alibi"/>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 16, Mask = AttentionMask.Causal, Alibi = true, PageSize = 16)]
internal sealed partial class Heads4Over4Of16AlibiPaged;

/// <summary>A small Qwen-3.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal)]
internal sealed partial class Heads4Over2Of32;

/// <inheritdoc cref="Heads4Over2Of32"/>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 32, Mask = AttentionMask.Causal, PageSize = 16)]
internal sealed partial class Heads4Over2Of32Paged;

/// <summary>A small gpt-oss, layers that see everything.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, Sinks = true)]
internal sealed partial class Heads4Over2Of16Sinks;

/// <inheritdoc cref="Heads4Over2Of16Sinks"/>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, Sinks = true, PageSize = 16)]
internal sealed partial class Heads4Over2Of16SinksPaged;

/// <summary>A small gpt-oss, layers with a window.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, WindowLeft = 15, Sinks = true)]
internal sealed partial class Heads4Over2Of16Window16Sinks;

/// <inheritdoc cref="Heads4Over2Of16Window16Sinks"/>
[AttentionKernel(queryHeads: 4, kvHeads: 2, headDim: 16, Mask = AttentionMask.Causal, WindowLeft = 15, Sinks = true, PageSize = 16)]
internal sealed partial class Heads4Over2Of16Window16SinksPaged;

/// <summary>A small DeepSeek-V2 or V3, absorbed.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 48, ValueDim = 32, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.14433756729740643)]
internal sealed partial class SmallDeepSeekAbsorbed;

/// <inheritdoc cref="SmallDeepSeekAbsorbed"/>
[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 48, ValueDim = 32, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.14433756729740643, PageSize = 16)]
internal sealed partial class SmallDeepSeekAbsorbedPaged;

/// <summary>A small DeepSeek-V2 or V3, expanded.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16)]
internal sealed partial class SmallDeepSeekExpanded;

/// <inheritdoc cref="SmallDeepSeekExpanded"/>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16, PageSize = 16)]
internal sealed partial class SmallDeepSeekExpandedPaged;

/// <summary>A small DeepSeek-V3 with YaRN, absorbed.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 48, ValueDim = 32, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.1871303351950243)]
internal sealed partial class SmallDeepSeekYarnAbsorbed;

/// <inheritdoc cref="SmallDeepSeekYarnAbsorbed"/>
[AttentionKernel(queryHeads: 4, kvHeads: 1, headDim: 48, ValueDim = 32, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.1871303351950243, PageSize = 16)]
internal sealed partial class SmallDeepSeekYarnAbsorbedPaged;

/// <summary>A small DeepSeek-V3 with YaRN, expanded.</summary>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16, Scale = 0.1871303351950243)]
internal sealed partial class SmallDeepSeekYarnExpanded;

/// <inheritdoc cref="SmallDeepSeekYarnExpanded"/>
[AttentionKernel(queryHeads: 4, kvHeads: 4, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16, Scale = 0.1871303351950243, PageSize = 16)]
internal sealed partial class SmallDeepSeekYarnExpandedPaged;

/// <summary>The stories-mla checkpoint that comes with the examples, absorbed.</summary>
[AttentionKernel(queryHeads: 6, kvHeads: 1, headDim: 80, ValueDim = 64, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.14433756729740643)]
internal sealed partial class StoriesMlaAbsorbed;

/// <inheritdoc cref="StoriesMlaAbsorbed"/>
[AttentionKernel(queryHeads: 6, kvHeads: 1, headDim: 80, ValueDim = 64, LatentCache = true, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, Scale = 0.14433756729740643, PageSize = 16)]
internal sealed partial class StoriesMlaAbsorbedPaged;

/// <summary>The stories-mla checkpoint that comes with the examples, expanded.</summary>
[AttentionKernel(queryHeads: 6, kvHeads: 6, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16)]
internal sealed partial class StoriesMlaExpanded;

/// <inheritdoc cref="StoriesMlaExpanded"/>
[AttentionKernel(queryHeads: 6, kvHeads: 6, headDim: 48, ValueDim = 32, Mask = AttentionMask.Causal, Rope = RopeStyle.Interleaved, RotaryDim = 16, PageSize = 16)]
internal sealed partial class StoriesMlaExpandedPaged;
