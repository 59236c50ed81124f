using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>What the forms with wgmma have in common: the sizes of their matrices and registers.</summary>
internal abstract class HopperFlash(KernelContext context, HopperTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    protected abstract int ScoreColumns { get; }

    protected abstract int OutputColumns { get; }

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "row_groups", tile.Groups },
        { "row_registers", tile.RowRegisters },
        { "copy_registers", tile.CopyRegisters },
        { "stages", tile.Stages },

        // Products: their columns, and the registers and operands of their instructions.
        { "score_columns", ScoreColumns },
        { "output_columns", OutputColumns },
        { "registers_of", arguments => C.Int(int.Parse(arguments[0]) / 2) },
        { "operand", arguments => C.Int((int.Parse(arguments[0]) / 2) + int.Parse(arguments[1])) },
        { "register_names", arguments => HopperPtx.RegisterNames(int.Parse(arguments[0])) },
        { "register_lists", HopperPtx.RegisterLists(ScoreColumns, OutputColumns) },
    };

    protected override string RowBarrier => "row_barrier();";

    protected override string RowWorkItems => "ROW_ITEMS";

    protected override string QueryElement(string row, string d) =>
        $"(local {Context.Storage.StorageType}*)((local char*)memory + piece_at({row}, ({d}) / 8, ROWS)) + ({d}) % 8";
    public override void DeclareFunctions(CodeWriter writer) { }
    public override void Begin(CodeWriter writer) { }
    public override void Scores(CodeWriter writer) { }
    public override void Accumulate(CodeWriter writer) { }
    public override void Finish(CodeWriter writer) { }
}
