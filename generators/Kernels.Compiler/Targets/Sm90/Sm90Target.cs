using Kernels.Compiler.Emit;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets.Sm80;

namespace Kernels.Compiler.Targets.Sm90;

/// <summary>
/// NVIDIA GPUs of compute capability 9.0: asynchronous products of groups of warps. Kernels that have none of these are those of sm80.
/// </summary>
internal sealed class Sm90Target : Target
{
    public override KernelTarget Kind => KernelTarget.Sm90;

    public override string DisplayName => "sm90 (asynchronous tensor-core products through inline PTX, compute capability 9.0)";

    public override bool ScalesProducts => true;

    public override bool Supports(AttentionSpec spec) => Sm90Planner.Supports(spec);

    public override KernelPlan Plan(AttentionSpec spec) => Sm90Planner.Plan(spec);

    public override FlashSteps Flash(KernelContext context, TilePlan tile) => tile switch
    {
        Sm90Tile rows => new Sm90Flash(context, rows),
        Sm80Tile { CopyWarps: > 0 } bulk => new Sm90BulkFlash(context, bulk),
        Sm80Tile mma => Sm80Target.Mma(context, mma),
        _ => throw new ArgumentOutOfRangeException(nameof(tile), tile, "No such tile on this target."),
    };

    public override Target OwnerOf(AttentionSpec spec, KernelPlan plan, KernelAlgorithm algorithm)
    {
        TilePlan? tile = algorithm switch { KernelAlgorithm.Prefill => plan.Prefill, KernelAlgorithm.Decode => plan.Decode, _ => null };
        bool isOwn = tile is Sm90Tile or Sm80Tile { CopyWarps: > 0 };
        return isOwn || !Sm80Planner.Supports(spec) || Sm90Planner.ConvertsFloat8(spec) ? this : Of(KernelTarget.Sm80);
    }
}
