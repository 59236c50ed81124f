using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Targets.Portable;

/// <summary>What the forms of the portable target share.</summary>
internal abstract class PortableSteps(KernelContext context, TilePlan tile) : FlashSteps
{
    protected AttentionSpec Spec => context.Spec;

    public override TilePlan Tile => tile;

    public override Holes Fill(Holes around)
    {
        int elements = PortablePlanner.PieceElements(Spec);
        Piece? piece = context.Cache.Piece; // the planner takes pieces only where there are any
        return new(around, isShared: true)
        {
            { "whole_heads", Spec.HeadDim % 4 == 0 },
            { "whole_values", Spec.ResolvedValueDim % 4 == 0 },
            { "whole_columns", (Spec.ResolvedValueDim + 3) / 4 % tile.ThreadsX == 0 },
            { "piece", piece?.Type ?? "" },
            { "piece_elements", elements },
            { "small_pieces", elements == 4 },
            { "piece_function", piece?.Function ?? "" },
            { "piece_to_float", arguments => piece!.ToFloat(arguments[0]) },
        };
    }
}
