using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets.Cpu;

/// <summary>Many query rows on a CPU, whose rows are the lanes of vectors.</summary>
internal sealed class CpuPrefill(KernelContext context, CpuTile tile) : CpuFlash(context)
{
    // Rows of larger groups are of few positions: what is hidden from whole vectors takes 1 % of the time, copies of the loops a second
    // to compile.
    private const int MostGroupLeftOut = 2;

    // Of 16 registers of 8 lanes, 12 for sums.
    private const int FewRegistersAtOnce = 6;

    public override string Template => "Cpu/prefill";

    public override TilePlan Tile => tile;

    // A head's keys and values stay in the processor's caches from item to item, and groups that one thread takes together are of all
    // lengths.
    public override bool StartsHeadByHead => true;

    public override bool ReadsPastEnd => false;

    public override bool CallsValueRow => !Spec.LatentCache;

    public override Holes Fill(Holes around) => new(base.Fill(around))
    {
        { "row_vectors", tile.RowVectors },
        { "at_once", tile.AtOnce },
        { "few_registers_at_once", FewRegistersAtOnce },
        { "in_place", ReadsInPlace },
        { "tile_float", ReadsInPlace ? "global const float" : "const float" },
        { "leaves_out_hidden", Spec.Mask == AttentionMask.Causal && tile.RowVectors > 1 && Spec.GroupSize <= MostGroupLeftOut },
        { "leaves_columns", Tiles.Select(any => any.AtOnce).Append(FewRegistersAtOnce).Any(atOnce => Spec.ResolvedValueDim % atOnce > 0) },
        { "values_are_wider", Spec.ResolvedValueDim > Spec.HeadDim },
        { "values_are_shorter", Spec.ResolvedValueDim < Spec.HeadDim },
        { "value_stride", Spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM" },
        { "query_load_function", Spec.HeadDim < CpuPlanner.Lanes ? "" : Context.Storage.LoadFunction(CpuPlanner.Lanes) },
        { "key_whole", Whole(Spec.HeadDim) },
        { "key_rest", Rest(Spec.HeadDim) },
        { "value_whole", Whole(Spec.ResolvedValueDim) },
        { "value_rest", Rest(Spec.ResolvedValueDim) },
    };

    /// <summary>Whether tiles are read where they lie: float32 rows one after the other.</summary>
    private bool ReadsInPlace => Context.Cache.NeedsNoConversion && Context.Addressing.RowsAreAdjacent;

    /// <summary>The tiles that the text can be built for.</summary>
    private IEnumerable<CpuTile> Tiles => Context.Plan.PrefillVariants.Cast<CpuTile>().Prepend(tile);

    /// <summary>The elements of a row that are in whole vectors, or nothing.</summary>
    private static string Whole(int dim) => dim < CpuPlanner.Lanes ? "" : C.Int(dim - dim % CpuPlanner.Lanes);

    /// <summary>The first element of a row that is in no whole vector, or nothing.</summary>
    private static string Rest(int dim) => dim % CpuPlanner.Lanes == 0 ? "" : C.Int(dim - dim % CpuPlanner.Lanes);
}
