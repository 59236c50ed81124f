namespace Kernels.Conformance;

/// <content>The matrices of serving engines: products too large to be part of every run.</content>
internal static partial class CaseMatrix
{
    // What sequences of one length may take together: the reference holds keys and values in double precision.
    private const int MostTokens = 32768;

    /// <summary>Paged caches with windows and softcap, paged decode in batches, paged prompts, and latent caches in 16 bits.</summary>
    public static IEnumerable<AttentionCase> Serving(int seed) =>
        [.. VarlenPages(seed), .. PagedDecode(seed), .. PagedPrompts(seed), .. LatentBatches(seed)];

    /// <summary>A few of them, in random order.</summary>
    /// <param name="count">How many, if there are so many.</param>
    /// <param name="seed">Decides which.</param>
    /// <param name="mostWork">The most multiplications of scores that one of them may have.</param>
    public static IEnumerable<AttentionCase> Serving(int count, int seed, double mostWork)
    {
        AttentionCase[] all = [.. Serving(seed).Where(test => test.Work <= mostWork)];
        new Random(seed).Shuffle(all);
        return all[..Math.Min(count, all.Length)];
    }

    /// <summary>Ragged batches over pages: windows and softcap, alone and together, with every number of heads and dimension.</summary>
    private static IEnumerable<AttentionCase> VarlenPages(int seed)
    {
        int turn = 0;
        foreach ((int query, int kv) in new[] { (4, 4), (8, 2), (5, 1) })
        {
            foreach (int dim in new[] { 40, 72, 80, 128, 256 })
            {
                foreach (int? left in new int?[] { null, 63, 127, 255 })
                {
                    foreach (double? cap in new double?[] { null, 50 })
                    {
                        ElementType storage = Storages[turn++ % Storages.Length];
                        AttentionShape shape = Shape(query, kv, dim, dim, AttentionMask.Causal, storage, storage, Layouts[turn / 2 % 2])
                            with { PageSize = 16, WindowLeft = left, Softcap = cap };
                        yield return new(shape, [(1, 1328), (5, 18), (129, 463)], seed++);
                        yield return new(shape, [(1, 523), (1, 37), (1, 2011)], seed++);
                    }
                }
            }
        }
    }

    /// <summary>
    /// Batches of single tokens over pages. Of the longest keys as many sequences as there is room for; the others have the fewest.
    /// </summary>
    private static IEnumerable<AttentionCase> PagedDecode(int seed)
    {
        int turn = 0;
        foreach (int dim in new[] { 128, 256 })
        {
            foreach (int queryHeads in new[] { 4, 32 })
            {
                foreach (int page in new[] { 1, 8, 16 })
                {
                    ElementType storage = Storages[turn++ % Storages.Length];
                    AttentionShape shape = Shape(queryHeads, 4, dim, dim, AttentionMask.Causal, storage, storage, Layouts[turn / 3 % 2])
                        with { PageSize = page };
                    foreach (int batch in new[] { 12, 17, 128 })
                    {
                        foreach (int keys in new[] { 54, 97, 512, 2048, 16384 })
                        {
                            int full = Math.Min(batch, MostTokens / keys);
                            yield return new(shape, [.. Enumerable.Range(0, batch).Select(i => (1, i < full ? keys : 54))], seed++);
                        }
                    }
                }
            }
        }
    }

    /// <summary>Prompts and chunks over pages, each number of queries with each number of keys.</summary>
    private static IEnumerable<AttentionCase> PagedPrompts(int seed)
    {
        int turn = 0;
        foreach (int dim in new[] { 64, 128, 256 })
        {
            foreach (AttentionMask mask in Masks)
            {
                foreach (int page in new[] { 1, 5, 16 })
                {
                    ElementType storage = Storages[turn++ % Storages.Length];
                    AttentionShape shape = Shape(turn % 2 == 0 ? 4 : 32, 4, dim, dim, mask, storage, storage, Layouts[turn / 3 % 2]) with
                    {
                        PageSize = page,
                    };
                    foreach (int keys in new[] { 54, 97, 512, 2048 })
                    {
                        yield return new(shape, [(37, keys), (17, keys), (127, keys), (577, keys)], seed++);
                    }
                }
            }
        }
    }

    /// <summary>Latent caches in 16 bits: FlashMLA's product, and ragged batches with odd numbers of queries.</summary>
    private static IEnumerable<AttentionCase> LatentBatches(int seed)
    {
        AttentionShape deepSeek = Shape(128, 1, 576, 512, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd)
            with { LatentCache = true, Scale = 1 / Math.Sqrt(192) };
        foreach (ElementType storage in new[] { ElementType.Float16, ElementType.BFloat16 })
        {
            AttentionShape stored = deepSeek with { Storage = storage, CacheStorage = storage };
            foreach (AttentionCase test in FlashMla(stored, [storage], seed))
            {
                yield return test;
                seed++;
            }

            foreach (int heads in new[] { 16, 64, 128 })
            {
                AttentionShape shape = stored with { QueryHeads = heads, PageSize = storage == ElementType.Float16 ? 64 : 0 };
                yield return new(shape, [(1, 0), (3, 1), (5, 3), (7, 11), (1, 3)], seed++);
                yield return new(shape, [(1, 17), (3, 33), (13, 79), (17, 114), (9, 17), (5, 33), (11, 114)], seed++);
                yield return new(shape, [(9, 514), (1, 2743), (3, 8736)], seed++);
                yield return new(shape, [(15, 8736)], seed++);
            }
        }
    }

    /// <summary>
    /// FlashMLA's batches, query and key lengths and heads: each head count with each key length, the other axes in turn.
    /// </summary>
    private static IEnumerable<AttentionCase> FlashMla(AttentionShape deepSeek, ElementType[] storages, int seed)
    {
        int[] batches = [1, 2, 6, 64], queries = [1, 2, 4], pages = [0, 64, 16, 1];
        int turn = 0;
        foreach (int heads in new[] { 1, 3, 9, 63, 64, 126, 128 })
        {
            foreach (int keys in new[] { 20, 140, 4096 })
            {
                // Only few heads see 64 sequences of 4096 keys: a CPU runs this too.
                int batch = keys == 4096 && heads > 3 ? batches[turn % 2] : batches[turn % batches.Length];
                AttentionShape shape = deepSeek with
                {
                    QueryHeads = heads, Storage = storages[turn % storages.Length],
                    Mask = turn % 4 == 0 ? AttentionMask.None : AttentionMask.Causal, PageSize = pages[turn / 2 % pages.Length],
                };
                yield return new(
                    turn % 2 == 0 ? shape : shape with { Rope = RopeStyle.Interleaved, RotaryDim = 64 },
                    [.. Enumerable.Repeat((queries[turn / 3 % queries.Length], keys), batch)], seed++);
                turn++;
            }
        }
    }
}
