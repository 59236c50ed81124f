using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over a quantised cache, whose elements become 16-bit elements in registers.</summary>
internal sealed class NvidiaQuantisedFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Nvidia/quantised";

    public override bool CanLeaveOutTiles => false;

    /// <summary>16-bit registers that one of the cache's becomes: columns of a value are that many apart in an output block.</summary>
    private int Registers => NvidiaExpansion.Registers(Spec);

    protected override string FirstKey => "first_key + warp_key + j * 8 + lane % 4 * 2";

    protected override string RowBarrier => "barrier(CLK_LOCAL_MEM_FENCE);";

    protected override string RowWorkItems => "WORK_GROUP";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)(memory + {row} * QUERY_STRIDE) + {d}";

    protected override string ValueScalesAt => "WARP_KEYS";

    protected override string Column(string element) => $"(c / {Registers} * 8 + lane % 4 * 2 + {element}) * {Registers} + c % {Registers}";

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "warps_along_keys", tile.WarpsAlongKeys },
        { "stages", tile.Stages },
        { "query_stride", NvidiaPlanner.Stride16(Spec.HeadDim) },
        { "local_size", tile.LocalBytes / 16 },
    };
    public override void DeclareFunctions(CodeWriter writer) { }
    public override void Begin(CodeWriter writer) { }
    public override void Scores(CodeWriter writer) { }
    public override void Accumulate(CodeWriter writer) { }
    public override void Finish(CodeWriter writer) { }
}
