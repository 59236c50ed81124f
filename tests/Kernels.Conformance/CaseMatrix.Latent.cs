namespace Kernels.Conformance;

/// <content>Latent caches.</content>
internal static partial class CaseMatrix
{
    /// <summary>Latent caches (MLA, absorbed): every head reads one row a token, which is key and value.</summary>
    public static IEnumerable<AttentionCase> Latent(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        const AttentionMask causal = AttentionMask.Causal, none = AttentionMask.None;
        (int, int)[][] lengths =
        [
            [(1, 1), (1, 3), (1, 11), (0, 0)], [(1, 17), (3, 33), (5, 79), (7, 114)], [(17, 514), (1, 2743), (9, 96)],
            [(1, 8736), (2, 140)],
        ];
        int turn = 0;
        foreach (int heads in new[] { 1, 3, 9, 16, 64, 128 })
        {
            foreach (ElementType storage in new[] { f32, f16, bf16 })
            {
                AttentionShape shape = Shape(heads, 1, 576, 512, turn % 3 == 0 ? none : causal, storage, storage, KvLayout.Hnd)
                    with { LatentCache = true, Scale = 1 / Math.Sqrt(192), PageSize = turn % 2 == 0 ? 0 : 64 };
                yield return new(shape, lengths[turn % (heads < 64 ? 4 : 2)], seed++);
                turn++;
            }
        }

        // Small ranks, as in small models; rope on the elements after the value; a window.
        AttentionShape small = Shape(6, 1, 80, 64, causal, f32, f32, KvLayout.Hnd) with { LatentCache = true, Scale = 0.2 };
        foreach ((int, int)[] some in lengths)
        {
            yield return new(small with { Rope = RopeStyle.Interleaved, RotaryDim = 16 }, some, seed++);
            yield return new(
                small with { Rope = RopeStyle.HalfSplit, RotaryDim = 8, Storage = f16, CacheStorage = f16, PageSize = 5 }, some, seed++);
            yield return new(small with { WindowLeft = 40, Storage = f32, CacheStorage = bf16 }, some, seed++);
        }
    }

    /// <summary>
    /// Latent caches in 8 bits with bfloat16 after the value: FlashMLA's batches, query and key lengths and heads, each head count with
    /// each key length; ragged ones with odd numbers of queries; other ranks, several KV heads, masks and score options.
    /// </summary>
    public static IEnumerable<AttentionCase> LatentFloat8(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16, f8 = ElementType.Float8E4M3;
        const AttentionMask causal = AttentionMask.Causal, none = AttentionMask.None;
        AttentionShape deepSeek = Shape(128, 1, 576, 512, causal, bf16, f8, KvLayout.Hnd) with
        {
            LatentCache = true,
            Scale = 1 / Math.Sqrt(192),
        };
        foreach (AttentionCase test in FlashMla(deepSeek, Storages, seed))
        {
            yield return test;
            seed++;
        }

        foreach (int heads in new[] { 16, 64, 128 })
        {
            AttentionShape shape = deepSeek with { QueryHeads = heads, Rope = RopeStyle.Interleaved, RotaryDim = 64 };
            yield return new(shape with { PageSize = 64 }, [(1, 0), (1, 1), (3, 3), (5, 11), (0, 0)], seed++);
            yield return new(shape with { Storage = f16, Mask = none }, [(1, 17), (13, 33), (7, 79), (17, 114)], seed++);
            yield return new(
                shape with
                {
                    Storage = f32,
                    PageSize = 16,
                }, [(9, 514), (1, 2743), (heads == 16 ? 3 : 1, heads == 16 ? 8736 : 700)], seed++);
        }

        // Other ranks, nothing after the value or an odd number of pairs, several KV heads, masks and score options, prompts.
        (int, int)[] mixed = [(129, 463), (1, 1328), (5, 18), (0, 7), (1, 0), (3, 0), (1, 1), (17, 5)];
        AttentionShape small = Shape(6, 1, 142, 128, causal, f32, f8, KvLayout.Hnd) with { LatentCache = true, Scale = 0.1 };
        yield return new(small with { Rope = RopeStyle.HalfSplit, RotaryDim = 14 }, mixed, seed++);
        yield return new(small with { Rope = RopeStyle.Interleaved, RotaryDim = 6, PageSize = 5, Storage = f16 }, mixed, seed++);
        yield return new(small with { HeadDim = 128, PageSize = 16 }, mixed, seed++);
        yield return new(small with { HeadDim = 288, ValueDim = 256, KvHeads = 2, Layout = KvLayout.Nhd, Storage = bf16 }, mixed, seed++);
        yield return new(small with { HeadDim = 160, KvHeads = 3, PageSize = 8 }, mixed, seed++);
        yield return new(
            small with
            {
                HeadDim = 160,
                KvHeads = 2,
                PageSize = 8,
                Layout = KvLayout.Nhd,
                Rope = RopeStyle.Interleaved,
                RotaryDim = 32,
            }, mixed, seed++);
        yield return new(small with { WindowLeft = 63, Softcap = 30, Alibi = true, Sinks = true }, mixed, seed++);
        yield return new(small with { Documents = true, KeyPadding = true, Bias = true, PageSize = 16 }, mixed, seed++);
        yield return new(small with { QueryHeads = 16, HeadDim = 160, Deterministic = true }, [(108, 256), (300, 300), (1, 6000)], seed++);
        yield return new(small with { HeadDim = 160 }, [(50, 70), (1, 600)], seed++, LogitOffset: -524288);
    }
}
