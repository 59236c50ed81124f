using Kernels.Compiler.Emit.Addressing;
using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets;

namespace Kernels.Compiler.Emit;

/// <summary>The choices that one kernel is written from: each comes from a home of its own and knows nothing of the others.</summary>
internal sealed record KernelContext(AttentionSpec Spec, KernelPlan Plan)
{
    public KvAddressing Addressing { get; } = KvAddressing.For(Spec);

    public PlainCodec Storage { get; } = PlainCodec.For(Spec.Storage);

    public Codec Cache { get; } = Codec.ForCache(Spec);

    /// <summary>Whether a loaded key or value must be multiplied with its token's scale.</summary>
    public bool ScalesTokens => Cache.Scale == CacheScale.PerToken;

    /// <summary>Expression: the factor on queries. A scale that all keys of a head share is put there.</summary>
    public string QueryFactor => Cache.Scale == CacheScale.PerHead ? "(SCALE * key_scales[kv_head])" : "SCALE";

    /// <summary>Expression: the dividend of the softmax denominator. A scale that all values of a head share is put there.</summary>
    public string OutputFactor => Cache.Scale == CacheScale.PerHead ? "value_scales[kv_head]" : "1.0f";

    public ScoreRules Rules { get; } = new(Spec, Targets.Target.Of(Plan.Target).ScalesProducts);

    public RopePairs Rope { get; } = new(Spec);

    public Target Target { get; } = Targets.Target.Of(Plan.Target);

    /// <summary>What every template of the kernel can speak of.</summary>
    public Holes Holes => holes ??= KernelHoles.Of(this);

    private Holes? holes;
}
