namespace Kernels.Conformance;

/// <summary>One append to test: tokens to random slots, some to none.</summary>
/// <param name="Shape">The cache's shape.</param>
/// <param name="Seed">Where the random rows and slots start.</param>
internal sealed record AppendCase(AttentionShape Shape, int Seed)
{
    public override string ToString() =>
        $"append H {Shape.KvHeads} d {Shape.HeadDim}/{Shape.ValueDim} {Shape.Storage}"
        + (Shape.CacheStorage == Shape.Storage ? "" : $" cache {Shape.CacheStorage}")
        + (Shape.LatentCache ? " latent" : "") + $" {Shape.Layout}" + (Shape.PageSize == 0 ? "" : $" page {Shape.PageSize}")
        + (Shape.Rope == RopeStyle.None ? "" : $" rope {Shape.Rope} {Shape.RotaryDim}");

    /// <summary>Every append that is tested.</summary>
    public static IEnumerable<AppendCase> All(int seed) => Rows(seed).Concat(LatentRows(seed));

    /// <summary>
    /// Latent rows: every type of storage over its own type and over 8 bits, each layout, contiguous and in pages, with rope on none, a
    /// part or all of what is after the value.
    /// </summary>
    private static IEnumerable<AppendCase> LatentRows(int seed)
    {
        (int Value, int Tail)[] dims = [(512, 64), (128, 14), (256, 32), (128, 0)];
        int turn = 0;
        foreach (ElementType storage in new[] { ElementType.Float32, ElementType.Float16, ElementType.BFloat16 })
        {
            foreach (ElementType cache in new[] { storage, ElementType.Float8E4M3 })
            {
                foreach (int page in new[] { 0, 8, 16, 64 })
                {
                    (int value, int tail) = dims[turn % dims.Length];
                    AttentionShape shape = CaseMatrix.Shape(
                        6, 3, value + tail, value, AttentionMask.Causal, storage, cache, turn % 3 == 0 ? KvLayout.Nhd : KvLayout.Hnd)
                        with { LatentCache = true, Scale = 0.1, PageSize = page };
                    turn++;
                    yield return new(shape, seed++);
                    if (tail > 0)
                    {
                        yield return new(shape with { Rope = RopeStyle.Interleaved, RotaryDim = tail }, seed++);
                        yield return new(shape with { Rope = RopeStyle.HalfSplit, RotaryDim = tail / 4 * 2 }, seed++);
                    }
                }

                turn++; // so that no size of page always meets the same dimensions
            }
        }
    }

    /// <summary>
    /// Every type of storage with every type of cache, each layout, contiguous and in pages; and half of them with rope, of either style,
    /// whole or partial.
    /// </summary>
    private static IEnumerable<AppendCase> Rows(int seed)
    {
        int[] dims = [64, 80, 256], odd = [59, 9, 111], pages = [0, 8, 16, 32];
        int turn = 0;
        foreach (ElementType storage in new[] { ElementType.Float32, ElementType.Float16, ElementType.BFloat16 })
        {
            foreach (ElementType cache in Enum.GetValues<ElementType>())
            {
                foreach (KvLayout layout in new[] { KvLayout.Hnd, KvLayout.Nhd })
                {
                    foreach (int page in pages)
                    {
                        int dim = dims[turn % dims.Length];
                        int valueDim = turn % 2 == 0 || cache == ElementType.Int4 ? dims[(turn / 2) % dims.Length] : odd[turn % odd.Length];
                        turn++;
                        AttentionShape shape = CaseMatrix.Shape(6, 3, dim, valueDim, AttentionMask.Causal, storage, cache, layout) with
                        {
                            PageSize = page,
                        };
                        yield return new(shape, seed++);
                        if (turn % 2 == 0)
                        {
                            yield return new(
                                shape with
                                {
                                    Rope = turn % 4 == 0 ? RopeStyle.HalfSplit : RopeStyle.Interleaved,
                                    RotaryDim = turn % 3 == 0 ? 16 : dim,
                                }, seed++);
                        }
                    }
                }
            }
        }
    }
}
