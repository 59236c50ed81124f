namespace Kernels.Conformance;

/// <summary>
/// The shapes that correctness is tested on, each axis a list taken from the test suites of the well-known attention libraries.
/// </summary>
internal static partial class CaseMatrix
{
    private static readonly int[] Dims = [32, 40, 59, 64, 80, 96, 111, 128, 160, 192, 224, 256];

    private static readonly (int Queries, int Keys)[] Lengths =
    [
        (1, 1), (64, 128), (128, 192), (239, 1), (799, 3), (113, 203), (128, 217), (108, 256), (640, 128), (1023, 1024), (1024, 1023),
        (4096, 4096),
    ];

    // MHA, GQA with groups of 2, 4, 7 and 8, MQA.
    private static readonly (int Query, int Kv)[] Heads = [(2, 2), (4, 2), (8, 2), (7, 1), (14, 2), (8, 1), (16, 2), (5, 1)];

    private static readonly ElementType[] Storages = [ElementType.Float32, ElementType.Float16, ElementType.BFloat16];
    private static readonly AttentionMask[] Masks = [AttentionMask.None, AttentionMask.Causal];
    private static readonly KvLayout[] Layouts = [KvLayout.Hnd, KvLayout.Nhd];

    /// <summary>The full product of the axes: thousands of cases.</summary>
    public static IEnumerable<AttentionCase> Full(int seed)
    {
        foreach (int dim in Dims)
        {
            foreach ((int query, int kv) in Heads)
            {
                foreach (ElementType storage in Storages)
                {
                    foreach (AttentionMask mask in Masks)
                    {
                        foreach (KvLayout layout in Layouts)
                        {
                            foreach ((int, int) lengths in Lengths)
                            {
                                yield return new AttentionCase(
                                    Shape(query, kv, dim, dim, mask, storage, storage, layout), [lengths], seed++);
                            }
                        }
                    }
                }
            }
        }

        foreach (AttentionCase kind in Kinds(seed).Concat(Serving(seed)).Concat(Poisoned(seed)))
        {
            yield return kind;
        }
    }

    /// <summary>A sample in which every value of every axis occurs, then the other kinds, and some of those of serving engines.</summary>
    /// <param name="count">Cases of the sample; at least the longest axis.</param>
    /// <param name="seed">Decides which values meet.</param>
    public static IEnumerable<AttentionCase> Sample(int count, int seed)
    {
        var random = new Random(seed);
        int[] dims = Spread(Dims, count, random);
        (int Query, int Kv)[] heads = Spread(Heads, count, random);
        (int, int)[] lengths = Spread(Lengths, count, random);
        ElementType[] storages = Spread(Storages, count, random);
        AttentionMask[] masks = Spread(Masks, count, random);
        KvLayout[] layouts = Spread(Layouts, count, random);
        for (int i = 0; i < count; i++)
        {
            yield return new AttentionCase(
                Shape(heads[i].Query, heads[i].Kv, dims[i], dims[i], masks[i], storages[i], storages[i], layouts[i]),
                [lengths[i]], seed + i);
        }

        foreach (AttentionCase kind in Kinds(seed + count).Concat(Serving(count / 4, seed + count, mostWork: 5e8))
            .Concat(Poisoned(eachShape: 4, seed + count)))
        {
            yield return kind;
        }
    }

    private static IEnumerable<AttentionCase> Kinds(int seed) =>
        [.. Corners(seed), .. HugeLogits(seed), .. Options(seed), .. Inputs(seed), .. Ropes(seed), .. Pages(seed), .. Quantised(seed),
            .. Latent(seed), .. LatentFloat8(seed)];

    /// <summary>
    /// What the product of the axes does not have: batches, split keys, empty sequences, mixed types, the smallest shapes.
    /// </summary>
    public static IEnumerable<AttentionCase> Corners(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        const AttentionMask causal = AttentionMask.Causal, none = AttentionMask.None;

        // Sequences of different lengths in one launch: prompts, single tokens, chunks, empty ones, one much longer than the rest.
        (int, int)[] mixed = [(129, 463), (1, 1328), (5, 18), (0, 7), (1, 0), (3, 0), (1, 1), (17, 5), (0, 0)];
        yield return new(Shape(8, 2, 64, 64, causal, f32, f32, KvLayout.Hnd), mixed, seed++);
        yield return new(Shape(4, 4, 128, 128, none, f16, f16, KvLayout.Nhd), mixed, seed++);
        yield return new(Shape(5, 1, 40, 40, causal, bf16, bf16, KvLayout.Hnd), mixed, seed++);
        yield return new(
            Shape(8, 2, 128, 128, causal, f16, f16, KvLayout.Hnd), [(1, 523), (1, 37), (1, 2011), (1, 16384), (1, 54)], seed++);
        yield return new(Shape(32, 4, 128, 128, causal, f32, f32, KvLayout.Hnd), [(1, 97), (1, 512), (1, 2048)], seed++);
        yield return new(Shape(4, 4, 256, 256, causal, f32, f32, KvLayout.Nhd), [(1, 2048), (1, 8191)], seed++);

        // Few rows against many keys: keys of a prefill tile are split too.
        yield return new(Shape(4, 1, 64, 64, causal, f32, f32, KvLayout.Hnd), [(40, 6000)], seed++);
        yield return new(Shape(71, 1, 64, 64, causal, f32, f32, KvLayout.Hnd), [(1, 700), (3, 41)], seed++);

        // Keys and values of different dimensions; the smallest and odd ones.
        yield return new(Shape(4, 2, 192, 128, causal, f32, f32, KvLayout.Hnd), [(65, 190), (1, 77)], seed++);
        yield return new(Shape(2, 1, 8, 256, none, f16, f16, KvLayout.Hnd), [(33, 65)], seed++);
        yield return new(Shape(2, 2, 256, 8, causal, bf16, bf16, KvLayout.Nhd), [(33, 65)], seed++);
        yield return new(Shape(3, 3, 9, 11, causal, f16, f16, KvLayout.Nhd), [(31, 33), (1, 5)], seed++);
        yield return new(Shape(1, 1, 8, 8, none, f32, f32, KvLayout.Hnd), [(1, 1), (2, 300)], seed++);

        // The longest lengths of the matrix in its smallest shape, for devices that are too slow for them in a larger one.
        foreach ((int, int) longest in Lengths.Where(pair => pair.Queries > 1000))
        {
            yield return new(Shape(1, 1, 32, 32, causal, f32, f32, KvLayout.Hnd), [longest], seed++);
        }

        // A cache in another type than what is put into it.
        yield return new(Shape(8, 2, 64, 64, causal, f32, f16, KvLayout.Hnd), [(70, 70), (1, 300)], seed++);
        yield return new(Shape(8, 2, 59, 59, causal, f32, bf16, KvLayout.Nhd), [(70, 70), (1, 300)], seed++);
        yield return new(Shape(8, 2, 64, 64, causal, f16, bf16, KvLayout.Hnd), [(70, 70), (1, 300)], seed++);

        // Logits far below zero: only their differences count.
        yield return new(Shape(4, 2, 64, 64, causal, f32, f32, KvLayout.Hnd), [(50, 70), (1, 600)], seed++, LogitOffset: -524288);
    }

    /// <summary>Scores of 1e9 and more, far beyond what float16 holds, of queries and keys that it does hold.</summary>
    public static IEnumerable<AttentionCase> HugeLogits(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        const AttentionMask causal = AttentionMask.Causal, none = AttentionMask.None;
        (int, int)[] mixed = [(70, 70), (33, 190), (1, 700), (3, 41), (1, 6000), (5, 3)];
        foreach (ElementType storage in new[] { f16, bf16, f32 })
        {
            AttentionShape shape = Shape(4, 2, 64, 64, causal, storage, storage, KvLayout.Hnd);
            yield return Of(shape);
            yield return Of(shape with { PageSize = 16, WindowLeft = 63, Sinks = true });
            yield return Of(shape with { Softcap = 50, Mask = none, Layout = KvLayout.Nhd });
            yield return Of(Shape(5, 1, 128, 128, none, storage, storage, KvLayout.Hnd));
        }

        yield return Of(Shape(8, 2, 59, 40, causal, f32, f16, KvLayout.Nhd));
        yield return Of(Shape(3, 1, 80, 64, causal, f16, f16, KvLayout.Hnd) with { LatentCache = true, Scale = 0.2 });

        AttentionCase Of(AttentionShape shape) => new(shape, mixed, seed++) { HasHugeLogits = true };
    }

    /// <summary>Masks and score options: windows, softcap, ALiBi, sinks, prefixes, and several at once.</summary>
    public static IEnumerable<AttentionCase> Options(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16;
        AttentionShape small = Shape(4, 2, 64, 64, AttentionMask.Causal, f32, f32, KvLayout.Hnd);
        foreach (int length in new[] { 1, 3, 19, 99, 199, 1177, 1999 })
        {
            foreach (int left in new[] { 3, 13, 23, 37, 43 })
            {
                yield return new(small with { WindowLeft = left }, [(length, length)], seed++);
            }

            yield return new(
                small with { WindowLeft = 5, WindowRight = 7, Mask = AttentionMask.None }, [(length, length), (1, length)], seed++);
        }

        foreach (double cap in new[] { 1.0, 30, 50 })
        {
            yield return new(small with { Softcap = cap }, [(108, 256), (1, 700)], seed++);
            yield return new(
                small with { Softcap = cap, Storage = f16, CacheStorage = f16, Mask = AttentionMask.None }, [(37, 54)], seed++);
        }

        foreach (int keys in new[] { 1, 9, 81, 729 })
        {
            yield return new(small with { Alibi = true }, [(1, keys)], seed++);
            yield return new(
                Shape(12, 4, 64, 64, AttentionMask.Causal, f32, f32, KvLayout.Nhd) with
                {
                    Alibi = true,
                }, [(1, keys), (Math.Min(keys, 50), keys)], seed++);
        }

        yield return new(small with { Sinks = true }, [(108, 256), (1, 1), (1, 2000), (3, 0), (40, 6000)], seed++);
        yield return new(small with { Sinks = true, WindowLeft = 127, Storage = f16, CacheStorage = f16 }, [(300, 300), (1, 2000)], seed++);
        yield return new(
            small with { Mask = AttentionMask.PrefixCausal }, [(100, 100), (1, 50), (20, 300), (64, 70)], seed++, PrefixLength: 33);
        yield return new(
            small with { Mask = AttentionMask.PrefixCausal, WindowLeft = 60 }, [(100, 100), (20, 300)], seed++, PrefixLength: 90);
        yield return new(
            small with { WindowLeft = 63, Softcap = 30, Alibi = true, Sinks = true }, [(129, 463), (1, 1328), (5, 18), (64, 20)], seed++);
        yield return new(small with { WindowLeft = 127 }, [(1, 16384), (200, 3000)], seed++);
    }

    /// <summary>
    /// Inputs of the launch: documents, masks on keys and biases, each alone, with other masks and options, over every sort of cache.
    /// </summary>
    public static IEnumerable<AttentionCase> Inputs(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        AttentionShape shape = Shape(4, 2, 64, 64, AttentionMask.None, f32, f32, KvLayout.Hnd);
        (int, int)[] ragged = [(129, 463), (1, 700), (5, 18), (0, 7), (1, 0), (17, 5), (1, 1), (64, 64), (3, 0)];
        AttentionShape[] each = [shape with { Documents = true }, shape with { KeyPadding = true }, shape with { Bias = true }];
        AttentionShape all = shape with { Documents = true, KeyPadding = true, Bias = true };
        foreach (AttentionShape inputs in each.Append(all))
        {
            yield return new(inputs, ragged, seed++);
            yield return new(inputs with { Mask = AttentionMask.Causal }, ragged, seed++);
            yield return new(inputs with { WindowLeft = 40, WindowRight = 9 }, ragged, seed++);
            yield return new(inputs with { Mask = AttentionMask.Causal, PageSize = 16 }, ragged, seed++);
            yield return new(inputs with { Sinks = true, PageSize = 5, Layout = KvLayout.Nhd }, ragged, seed++);
            yield return new(inputs with { Mask = AttentionMask.Causal, Storage = f16, CacheStorage = f16 }, ragged, seed++);
            yield return new(
                inputs with { Sinks = true, WindowLeft = 63, Storage = bf16, CacheStorage = bf16, Layout = KvLayout.Nhd }, ragged, seed++);
            yield return new(inputs with { Mask = AttentionMask.Causal, CacheStorage = ElementType.Int8 }, ragged, seed++);
            yield return new(
                inputs with { Mask = AttentionMask.PrefixCausal, Softcap = 30, Alibi = true }, ragged, seed++, PrefixLength: 33);
            yield return new(inputs with { QueryHeads = 5, KvHeads = 1, HeadDim = 59, ValueDim = 59 }, ragged, seed++);

            // Keys that are split over work-groups.
            yield return new(inputs with { Mask = AttentionMask.Causal }, [(1, 1328), (1, 6000), (1, 54), (2, 2011)], seed++);
            yield return new(inputs with { Sinks = true }, [(12, 3000), (200, 200)], seed++);
        }

        // A bias with every choice of shared axes.
        for (int axes = 0; axes < 8; axes++)
        {
            yield return new(shape with { Bias = true, Mask = (AttentionMask)(axes % 2) }, [(37, 54), (1, 97), (70, 300)], seed++);
        }
    }

    /// <summary>Rope: both styles, whole and partial, over every type of cache, each layout, contiguous and in pages.</summary>
    public static IEnumerable<AttentionCase> Ropes(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        const AttentionMask causal = AttentionMask.Causal;
        (int, int)[] mixed = [(129, 463), (1, 1328), (5, 18), (0, 7), (1, 0), (3, 0), (1, 1), (17, 5)];
        foreach (RopeStyle style in new[] { RopeStyle.HalfSplit, RopeStyle.Interleaved })
        {
            AttentionShape shape = Shape(8, 2, 64, 64, causal, f32, f32, KvLayout.Hnd) with { Rope = style, RotaryDim = 64 };
            yield return new(shape, mixed, seed++);
            yield return new(shape with { RotaryDim = 16, Layout = KvLayout.Nhd }, mixed, seed++);
            yield return new(shape with { PageSize = 16, WindowLeft = 63, Sinks = true }, mixed, seed++);
            yield return new(shape with { Storage = f16, CacheStorage = f16 }, mixed, seed++);
            yield return new(shape with { Storage = bf16, CacheStorage = bf16, RotaryDim = 32, PageSize = 5 }, mixed, seed++);
            yield return new(shape with { CacheStorage = f16, Mask = AttentionMask.None }, mixed, seed++);
            yield return new(Shape(4, 4, 256, 128, causal, f16, f16, KvLayout.Nhd) with { Rope = style, RotaryDim = 64 }, mixed, seed++);
            yield return new(Shape(7, 1, 59, 40, causal, f32, f32, KvLayout.Hnd) with { Rope = style, RotaryDim = 58 }, mixed, seed++);
            foreach (ElementType cache in new[] { ElementType.Int8, ElementType.Int4, ElementType.Float8E4M3 })
            {
                yield return new(shape with { CacheStorage = cache }, mixed, seed++);
                yield return new(
                    shape with
                    {
                        CacheStorage = cache,
                        Storage = f16,
                        Layout = KvLayout.Nhd,
                        PageSize = 16,
                        RotaryDim = 32,
                    }, mixed, seed++);
            }
        }
    }

    /// <summary>Paged caches: every sort of page size, with the lengths and heads that serving engines test.</summary>
    public static IEnumerable<AttentionCase> Pages(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        AttentionShape shape = Shape(8, 2, 64, 64, AttentionMask.Causal, f32, f32, KvLayout.Hnd);
        (int, int)[] varlen = [(1, 1328), (5, 18), (129, 463)], decode = [(1, 523), (1, 37), (1, 2011)];
        foreach (int page in new[] { 1, 5, 8, 16, 32, 256 })
        {
            yield return new(shape with { PageSize = page }, varlen, seed++);
            yield return new(shape with { PageSize = page, Layout = KvLayout.Nhd, Storage = f16, CacheStorage = f16 }, decode, seed++);
            yield return new(
                shape with { PageSize = page, Mask = AttentionMask.None }, [(37, 54), (17, 97), (127, 512), (0, 3), (3, 0)], seed++);
        }

        foreach (int dim in new[] { 40, 72, 80, 128, 256 })
        {
            yield return new(
                Shape(5, 1, dim, dim, AttentionMask.Causal, bf16, bf16, KvLayout.Hnd) with
                {
                    PageSize = 16,
                    WindowLeft = 63,
                }, varlen, seed++);
            yield return new(
                Shape(4, 4, dim, dim, AttentionMask.Causal, f16, f16, KvLayout.Hnd) with { PageSize = 16, Softcap = 50 }, decode, seed++);
        }

        yield return new(
            shape with { PageSize = 16, Sinks = true, Alibi = true }, [(1, 54), (1, 97), (1, 512), (1, 2048), (1, 16384)], seed++);
    }

    /// <summary>
    /// Caches in 8 and 4 bits: prompts, decode and both at once, each layout, contiguous and in pages, odd dimensions, with masks and score
    /// options.
    /// </summary>
    public static IEnumerable<AttentionCase> Quantised(int seed)
    {
        const ElementType f32 = ElementType.Float32, f16 = ElementType.Float16, bf16 = ElementType.BFloat16;
        const AttentionMask causal = AttentionMask.Causal, none = AttentionMask.None;
        (int, int)[] prompt = [(108, 256)], decode = [(1, 523), (1, 37), (1, 2011)];
        (int, int)[] mixed = [(129, 463), (1, 1328), (5, 18), (0, 7), (1, 0), (3, 0), (1, 1), (17, 5)];
        foreach (ElementType cache in new[] { ElementType.Int8, ElementType.Int4, ElementType.Float8E4M3 })
        {
            foreach (KvLayout layout in Layouts)
            {
                foreach (int page in new[] { 0, 16 })
                {
                    yield return new(Shape(8, 2, 64, 64, causal, f32, cache, layout) with { PageSize = page }, prompt, seed++);
                    yield return new(Shape(32, 8, 128, 128, causal, f16, cache, layout) with { PageSize = page }, decode, seed++);
                    yield return new(Shape(6, 3, 80, 80, causal, f32, cache, layout) with { PageSize = page }, mixed, seed++);
                }
            }

            yield return new(Shape(5, 1, 256, 256, none, bf16, cache, KvLayout.Hnd), [(33, 65), (1, 700)], seed++);
            yield return new(Shape(4, 2, 192, 128, causal, f16, cache, KvLayout.Nhd), [(65, 190), (1, 77)], seed++);
            yield return new(Shape(4, 4, 16, 32, causal, f32, cache, KvLayout.Hnd) with { PageSize = 5 }, [(31, 33), (1, 300)], seed++);
            yield return new(Shape(16, 1, 64, 64, causal, f32, cache, KvLayout.Hnd), [(1, 16384), (2, 300)], seed++);
            yield return new(
                Shape(8, 2, 64, 64, causal, f32, cache, KvLayout.Hnd) with
                {
                    WindowLeft = 63,
                    Softcap = 30,
                    Alibi = true,
                    Sinks = true,
                }, mixed, seed++);
            yield return new(Shape(4, 2, 64, 64, causal, f32, cache, KvLayout.Hnd), [(50, 70), (1, 600)], seed++, LogitOffset: -524288);
        }

        foreach (ElementType cache in new[] { ElementType.Int8, ElementType.Float8E4M3 })
        {
            yield return new(Shape(8, 2, 59, 59, causal, f32, cache, KvLayout.Nhd), mixed, seed++);
            yield return new(Shape(4, 4, 111, 40, none, f16, cache, KvLayout.Hnd) with { PageSize = 8 }, mixed, seed++);
            yield return new(Shape(3, 3, 9, 11, causal, f32, cache, KvLayout.Nhd) with { PageSize = 1 }, [(31, 33), (1, 5)], seed++);
            yield return new(Shape(2, 1, 8, 250, causal, bf16, cache, KvLayout.Hnd), decode, seed++);
        }
    }

    public static AttentionShape Shape(
        int queryHeads, int kvHeads, int headDim, int valueDim, AttentionMask mask, ElementType storage, ElementType cache,
        KvLayout layout) =>
        new(queryHeads, kvHeads, headDim, valueDim, 1 / Math.Sqrt(headDim), mask, storage, cache, layout);

    /// <summary><paramref name="count"/> values in random order, each value as often as the others.</summary>
    private static T[] Spread<T>(T[] values, int count, Random random)
    {
        T[] spread = Enumerable.Range(0, count).Select(i => values[i % values.Length]).ToArray();
        random.Shuffle(spread);
        return spread;
    }
}
