using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Targets.Sm80;

namespace Kernels.Compiler.Targets.Sm90;

/// <summary>Few query rows over keys and values that one warp copies in bulk for the others.</summary>
internal sealed class Sm90BulkFlash(KernelContext context, Sm80Tile tile) : Sm80Flash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Sm90/bulk";

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "strips", Sm90Planner.Strips },
        { "query_stride", Sm80Planner.Stride16(Spec.HeadDim) },
        { "local_size", tile.LocalBytes / 16 },
        { "two_pieces", KeyPieces % 8 == 0 },
        { "reads_pairs", ValuePieces % (IsQuantised ? 8 : 16) == 0 },
        { "adjacent_tokens", arguments => Context.Addressing.AdjacentTokens(arguments[0], arguments[1]) },

        // Without a bound some kernels of quantised caches take a few registers too many for two work-groups.
        { "shares_multiprocessor", IsQuantised && tile.GroupsPerUnit > 1 },
        { "groups_directive", KernelContract.GroupsPerMultiprocessorDirective },
    };
}
