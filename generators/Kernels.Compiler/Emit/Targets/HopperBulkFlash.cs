using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over keys and values that one warp copies in bulk for the others.</summary>
internal sealed class HopperBulkFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Hopper/bulk";

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "strips", HopperPlanner.Strips },
        { "query_stride", NvidiaPlanner.Stride16(Spec.HeadDim) },
        { "local_size", tile.LocalBytes / 16 },
        { "quantised", IsQuantised },
        { "two_pieces", KeyPieces % 8 == 0 },
        { "reads_pairs", ValuePieces % (IsQuantised ? 8 : 16) == 0 },
        { "adjacent_tokens", arguments => Context.Addressing.AdjacentTokens(arguments[0], arguments[1]) },

        // Without a bound some kernels of quantised caches take a few registers too many for two work-groups.
        { "bounds_registers", IsQuantised && tile.GroupsPerUnit > 1 },
        { "most_registers", MostRegisters },
    };

    private bool IsQuantised => Context.Cache.Scale != CacheScale.None;

    /// <summary>Registers of a work-item with which two work-groups share a multiprocessor: it has four parts of 16,384, over which it spreads its warps.</summary>
    private int MostRegisters => 16384 / (((2 * tile.WorkGroupSize / 32) + 3) / 4) / 32 / 8 * 8;

    protected override string RowBarrier => "row_barrier();";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string FirstKey => "";
    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * QUERY_STRIDE) + {d}";
    public override void DeclareFunctions(CodeWriter writer) { }
    public override void Begin(CodeWriter writer) { }
    public override void Scores(CodeWriter writer) { }
    public override void Accumulate(CodeWriter writer) { }
    public override void Finish(CodeWriter writer) { }
}
