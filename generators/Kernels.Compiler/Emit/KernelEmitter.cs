using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets;

namespace Kernels.Compiler.Emit;

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
        KernelPlan plan = Target.Of(target).Plan(spec);

        // Another target's kernel has the tile that this plan has for it.
        plan = plan with { Target = Target.Of(target).OwnerOf(spec, plan, algorithm).Kind };
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
}
