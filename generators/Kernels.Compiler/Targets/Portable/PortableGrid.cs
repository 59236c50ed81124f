using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Portable;

/// <summary>A tile of keys or values in local memory, and a grid of work-items over it.</summary>
internal class PortableGrid(KernelContext context, TilePlan tile) : PortableSteps(context, tile)
{
    public override string Template => "Portable/grid";

    public override bool CallsValueRow => !Spec.LatentCache;

    /// <summary>float4s between rows of the tile that holds keys first and values later.</summary>
    protected virtual int TileStride => PortablePlanner.KvStride(Spec);

    public override Holes Fill(Holes around)
    {
        int valueDim4 = (Spec.ResolvedValueDim + 3) / 4;
        return new(base.Fill(around))
        {
            { "threads_x", Tile.ThreadsX },
            { "threads_y", Tile.ThreadsY },
            { "rows_each", Tile.Rows / Tile.ThreadsY },
            { "keys_each", Tile.Keys / Tile.ThreadsX },
            { "columns_each", (valueDim4 + Tile.ThreadsX - 1) / Tile.ThreadsX },
            { "head_dim_4", (Spec.HeadDim + 3) / 4 },
            { "value_dim_4", valueDim4 },
            { "query_stride", PortablePlanner.TileStride(Spec.HeadDim) },
            { "tile_stride", TileStride },
            { "score_stride", PortablePlanner.ScoreStride(Tile.Keys) },
        };
    }
}
