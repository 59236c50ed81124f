namespace Kernels.Conformance;

/// <content>Numbers that are not: NaN, infinities, the largest and the smallest, where some rows see them and others do not.</content>
internal static partial class CaseMatrix
{
    /// <summary>Every kind of number in every place, over every sort of cache, mask and form.</summary>
    public static IEnumerable<AttentionCase> Poisoned(int seed)
    {
        foreach (AttentionShape shape in PoisonedShapes())
        {
            foreach (PoisonPlace place in Enum.GetValues<PoisonPlace>())
            {
                if ((place == PoisonPlace.Bias && !shape.Bias) || (place == PoisonPlace.Sink && !shape.Sinks))
                {
                    continue;
                }

                foreach (PoisonKind kind in Enum.GetValues<PoisonKind>())
                {
                    yield return new(shape, PoisonedLengths(shape), seed++, PrefixLength: shape.Mask == AttentionMask.PrefixCausal ? 20 : 0)
                    {
                        Poison = new(place, kind),
                    };
                }
            }
        }
    }

    /// <summary>
    /// A sample in which every place and every kind is tried on every shape, but not every kind in every place; on those with a quantised
    /// cache also the largest and the lowest in queries and in keys, which its few bits make the same for many keys.
    /// </summary>
    public static IEnumerable<AttentionCase> Poisoned(int eachShape, int seed)
    {
        var random = new Random(seed);
        return Poisoned(seed).GroupBy(test => test.Shape).SelectMany(cases =>
        {
            AttentionCase[] all = [.. cases];
            random.Shuffle(all);
            return all.DistinctBy(test => test.Poison!.Place).Concat(all.DistinctBy(test => test.Poison!.Kind)).Distinct().Take(eachShape)
                .Union(all.Where(test => test.Shape.CacheScale != CacheScale.None && test.Poison!.LeavesTies));
        });
    }

    // Prompts, chunks, single tokens, a few at a time, split keys, and rows that see nothing.
    private static (int, int)[] PoisonedLengths(AttentionShape shape) => shape.LatentCache
        ? [(40, 70), (1, 300), (3, 90), (5, 3)]
        : [(80, 80), (33, 190), (1, 700), (3, 300), (5, 3), (1, 6000), (2, 1), (128, 512)];

    private static IEnumerable<AttentionShape> PoisonedShapes()
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        const AttentionMask causal = AttentionMask.Causal, none = AttentionMask.None;
        AttentionShape half = Shape(8, 2, 128, 128, causal, f16, f16, KvLayout.Hnd);
        yield return Shape(4, 2, 64, 64, causal, f32, f32, KvLayout.Hnd);
        yield return Shape(7, 1, 59, 43, none, f32, f32, KvLayout.Nhd) with { WindowLeft = 30, WindowRight = 11 };
        yield return half;
        yield return half with { HeadDim = 64, ValueDim = 64, Storage = bf16, CacheStorage = bf16, WindowLeft = 63, PageSize = 16 };
        yield return Shape(8, 2, 64, 64, none, f32, f32, KvLayout.Hnd) with
        {
            Documents = true,
            KeyPadding = true,
            Bias = true,
            Sinks = true,
        };
        yield return Shape(8, 2, 64, 64, causal, f16, f16, KvLayout.Hnd) with
        {
            Documents = true,
            KeyPadding = true,
            Bias = true,
            Sinks = true,
        };
        yield return Shape(16, 1, 80, 80, causal, bf16, bf16, KvLayout.Nhd) with { Softcap = 30, Alibi = true, Sinks = true, PageSize = 5 };
        yield return half with { Rope = RopeStyle.HalfSplit, RotaryDim = 64, Mask = AttentionMask.PrefixCausal };
        yield return half with { Scale = 1.5, Storage = bf16, CacheStorage = bf16 };
        foreach (ElementType cache in new[] { ElementType.Int8, ElementType.Int4, ElementType.Float8E4M3 })
        {
            yield return half with { CacheStorage = cache };
            yield return half with { CacheStorage = cache, Storage = bf16, PageSize = 16, Sinks = true };
            yield return Shape(4, 4, 32, 32, causal, f32, cache, KvLayout.Nhd) with { WindowLeft = 100 };
        }

        AttentionShape latent = Shape(16, 1, 576, 512, causal, f16, f16, KvLayout.Hnd) with
        {
            LatentCache = true,
            Scale = 0.1,
            Rope = RopeStyle.Interleaved,
            RotaryDim = 64,
        };
        yield return latent;
        yield return latent with { CacheStorage = ElementType.Float8E4M3, PageSize = 64 };
        yield return latent with
        {
            HeadDim = 142,
            ValueDim = 128,
            Storage = f32,
            CacheStorage = f32,
            Rope = RopeStyle.None,
            RotaryDim = 142,
        };
    }
}
