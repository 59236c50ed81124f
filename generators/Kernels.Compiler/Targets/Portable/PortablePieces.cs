using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Portable;

/// <summary>Few query rows, whose keys and values go straight into registers.</summary>
internal sealed class PortablePieces(KernelContext context, PortablePieceTile tile) : PortableSteps(context, tile)
{
    public override string Template => "Portable/pieces";

    public override bool CanLeaveOutTiles => false;

    public override bool CallsRowFunctions => false;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "lanes", tile.Lanes },
        { "sets", tile.Sets },
        { "rows_each", tile.RowsEach },
        { "keys_each", tile.KeysEach },
        { "key_pieces", tile.KeyPieces },
        { "value_pieces", tile.ValuePieces },
        { "part_stride", PortablePlanner.PartStride(tile.Lanes) },
        { "exchange_float4s", PortablePlanner.ExchangeFloats(Spec, tile) / 4 },
        { "whole_rounds", tile.Keys * tile.Rows % tile.WorkGroupSize == 0 },
    };
}
