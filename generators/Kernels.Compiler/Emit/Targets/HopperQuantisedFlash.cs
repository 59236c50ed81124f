using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>Few query rows over a quantised cache: nvidia's form, with tiles that a warp of its own copies in bulk.</summary>
internal sealed class HopperQuantisedFlash(KernelContext context, NvidiaTile tile) : NvidiaQuantisedFlash(context, tile)
{
    private readonly HopperBulkTiles tiles = new(context, tile, spreads: true);

    public override bool CanLeaveOutTiles => true;

    protected override string FirstKey => tiles.FirstKey;

    protected override string KeyStep => tiles.KeyStep;

    protected override string RowBarrier => "row_barrier();";

    protected override string ValueScalesAt => "KEYS";

    protected override string Layout => tiles.Layout;

    protected override string[] CopyFunctions => tiles.Functions;

    protected override string PieceAt => """
        // Where a piece of a row of this warp lies: the rows of a block are one of each strip.
        static int piece_at(int row, int piece, int pieces)
        {
            return row % 8 * (STRIP_KEYS * pieces + 1) + row / 8 * pieces + piece;
        }
        """;

    protected override void DeclareMemory(CodeWriter writer) => tiles.Begin(writer);

    protected override void BeginTiles(CodeWriter writer) => writer.Add("""
        int stage = 0;
        uint parity = 0;
        """);

    protected override void TakeTile(CodeWriter writer)
    {
        tiles.Take(writer);
        writer.Add("""
            local const uint4* const raw = tile + warp_key * KEY_PIECES;
            const uint values_at = tiles_at + (stage * STAGE_SIZE + STRIPS * KEY_STRIP + warp_key * VALUE_PIECES) * 16;

            """);
    }

    protected override void ReleaseTile(CodeWriter writer) => HopperBulkTiles.Release(writer);

    protected override void EndTiles(CodeWriter writer)
    {
    }
}
