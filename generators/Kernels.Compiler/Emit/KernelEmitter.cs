using Kernels.Compiler.Emit.Addressing;
using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Targets;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

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

    public ScoreRules Rules { get; } = new(Spec, Plan.Target);

    public Rope Rope { get; } = new(Spec);

    public Target Target { get; } = Target.For(Plan.Target);

    /// <summary>What every template of the kernel can speak of.</summary>
    public Holes Holes => holes ??= KernelHoles.Of(this);

    private Holes? holes;
}

/// <summary>Writes the OpenCL C source of a valid spec's kernels.</summary>
internal static class KernelEmitter
{
    /// <summary>The kernels that every spec has.</summary>
    public static readonly IReadOnlyList<KernelAlgorithm> Algorithms =
        [KernelAlgorithm.Append, KernelAlgorithm.Prefill, KernelAlgorithm.Decode, KernelAlgorithm.Combine, KernelAlgorithm.Merge];

    /// <summary>The kernels of a spec: all of them, but the classification of tiles only where there is a mask mod.</summary>
    public static IReadOnlyList<KernelAlgorithm> AlgorithmsOf(AttentionSpec spec) =>
        spec.MaskMod is null ? Algorithms : [.. Algorithms, KernelAlgorithm.ClassifyTiles];

    public static string Emit(AttentionSpec spec, KernelTarget target, KernelAlgorithm algorithm)
    {
        KernelPlan plan = Planner.Plan(spec, target);
        if (target == KernelTarget.Hopper && NvidiaPlanner.Supports(spec) && !HopperPlanner.ConvertsFloat8(spec) && !IsHoppers(plan, algorithm))
        {
            // Nvidia's kernel, with the tile that this plan has for it.
            plan = plan with { Target = KernelTarget.Nvidia };
        }

        var context = new KernelContext(spec, plan);
        string text = algorithm switch
        {
            KernelAlgorithm.Append => AppendAlgorithm.Write(context),
            KernelAlgorithm.Prefill => FlashAlgorithm.Write(context, FlashForm.Prefill),
            KernelAlgorithm.Decode => FlashAlgorithm.Write(context, FlashForm.Decode),
            KernelAlgorithm.Combine => CombineAlgorithm.Write(context),
            KernelAlgorithm.ClassifyTiles when spec.MaskMod is not null => ClassifyAlgorithm.Write(context),
            KernelAlgorithm.Merge => MergeAlgorithm.Write(context),
            _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "No such algorithm."),
        };
        return text + "\n";
    }

    /// <summary>Whether a kernel of the hopper target differs from nvidia's.</summary>
    private static bool IsHoppers(KernelPlan plan, KernelAlgorithm algorithm) =>
        (algorithm switch { KernelAlgorithm.Prefill => plan.Prefill, KernelAlgorithm.Decode => plan.Decode, _ => null })
            is HopperTile or NvidiaTile { CopyWarps: > 0 };
}
