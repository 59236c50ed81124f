using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Tests;

/// <summary>Specs to hold rules and invariants against.</summary>
internal static class TestSpecs
{
    /// <summary>A spec without any finding.</summary>
    public static AttentionSpec Valid { get; } = new("Valid", QueryHeads: 8, KvHeads: 2, HeadDim: 64);

    /// <summary>Many valid specs: dimensions and groups of every sort, all caches, both layouts, pages, masks and score options.</summary>
    public static IEnumerable<AttentionSpec> Many()
    {
        int i = 0;
        foreach (int dim in new[] { 8, 9, 32, 40, 59, 64, 80, 111, 128, 192, 256 })
        {
            foreach ((int query, int kv) in new[] { (1, 1), (4, 4), (8, 2), (7, 1), (71, 1), (128, 8) })
            {
                foreach (ElementType cache in Enum.GetValues<ElementType>())
                {
                    if (cache == ElementType.Int4 && dim % SpecLimits.Int4DimMultiple != 0)
                    {
                        continue;
                    }

                    i++;
                    ElementType storage = cache <= ElementType.BFloat16 ? cache : (ElementType)(i % 3);
                    yield return new AttentionSpec(
                        $"Spec{i}", query, kv, dim, Mask: (AttentionMask)(i % 3), Storage: storage,
                        CacheStorage: cache == storage ? null : cache, Layout: (KvLayout)(i % 2))
                    {
                        PageSize = i % 4 == 0 ? 16 : 0,
                        WindowLeft = i % 5 == 0 ? 63 : -1,
                        Softcap = i % 7 == 0 ? 30.5 : 0,
                        Alibi = i % 11 == 0,
                        Sinks = i % 13 == 0,
                        Documents = i % 6 == 0,
                        KeyPadding = i % 9 == 0,
                        Bias = i % 8 == 0,
                        Rope = i % 3 == 0 ? (RopeStyle)(1 + (i % 2)) : RopeStyle.None,
                        RotaryDim = i % 3 == 0 && (i % 2 == 0 || dim % 2 != 0) ? 8 : 0,
                    };
                }
            }
        }

        AttentionSpec latent = Valid with { KvHeads = 1, LatentCache = true, Scale = 0.2, CacheStorage = ElementType.Float8E4M3 };
        yield return latent with
        {
            HeadDim = 576,
            ValueDim = 512,
            Storage = ElementType.Float16,
            Rope = RopeStyle.Interleaved,
            PageSize = 64,
        };
        yield return latent with { HeadDim = 142, ValueDim = 128, QueryHeads = 16, WindowLeft = 63 };
        yield return latent with { HeadDim = 128, ValueDim = 128, KvHeads = 2, Layout = KvLayout.Nhd };
        yield return latent with { HeadDim = 80, ValueDim = 64, CacheStorage = null };
        yield return Valid with { HeadDim = 192, ValueDim = 128 };
        yield return Valid with { HeadDim = 8, ValueDim = 256 };
        yield return Valid with { HeadDim = 256, ValueDim = 8, Storage = ElementType.Float16 };
    }
}
