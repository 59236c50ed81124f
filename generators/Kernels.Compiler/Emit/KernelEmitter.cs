using Kernels.Compiler.Emit.Addressing;
using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Targets;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit;

/// <summary>The choices that one kernel is written from: each comes from a home of its own and knows nothing of the others.</summary>
internal sealed record KernelContext(AttentionSpec Spec, KernelPlan Plan)
{
    public KvAddressing Addressing { get; } = KvAddressing.For(Spec);

    public Codec Storage { get; } = Codec.For(Spec.Storage);

    public Codec Cache { get; } = Codec.For(Spec.ResolvedCacheStorage);

    public ScoreRules Rules { get; } = new(Spec);

    public Target Target { get; } = Target.For(Plan.Target);
}

/// <summary>Writes the OpenCL C source of a valid spec's kernels.</summary>
internal static class KernelEmitter
{
    public static readonly IReadOnlyList<KernelAlgorithm> Algorithms =
        [KernelAlgorithm.Append, KernelAlgorithm.Prefill, KernelAlgorithm.Decode, KernelAlgorithm.Combine];

    public static string Emit(AttentionSpec spec, KernelTarget target, KernelAlgorithm algorithm)
    {
        var context = new KernelContext(spec, Planner.Plan(spec, target));
        var writer = new CodeWriter();
        switch (algorithm)
        {
            case KernelAlgorithm.Append:
                AppendAlgorithm.Write(writer, context);
                break;
            case KernelAlgorithm.Prefill:
                FlashAlgorithm.Write(writer, context, FlashForm.Prefill);
                break;
            case KernelAlgorithm.Decode:
                FlashAlgorithm.Write(writer, context, FlashForm.Decode);
                break;
            case KernelAlgorithm.Combine:
                CombineAlgorithm.Write(writer, context);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "No such algorithm.");
        }

        return writer.ToString();
    }
}
