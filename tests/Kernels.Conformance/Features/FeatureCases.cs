using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// What the matrix has no axis for: mods and block masks, through generated types; keys that requests share; bits that do not
/// depend on the batch; merged states; pools beyond 32 bits; launches of which an axis is long. Each on a spec that a device's own target
/// takes (in float16 with heads of 128 that of tensor cores) and on one in float32.
/// </summary>
internal static class FeatureCases
{
    private const ElementType F32 = ElementType.Float32, F16 = ElementType.Float16, BF16 = ElementType.BFloat16;
    private const ElementType F8 = ElementType.Float8E4M3, Int8 = ElementType.Int8, Int4 = ElementType.Int4;

    // Single tokens with few and many keys, chunks beside them, prompts.
    private static readonly (int, int)[] Mixed = [(1, 37), (40, 900), (1, 1300), (150, 150), (1, 5000), (3, 1500), (1, 1)];

    /// <summary>All of them.</summary>
    public static IEnumerable<FeatureCase> All(int seed) =>
        [.. Mods(seed), .. Cascades(seed), .. Determinism(seed), .. Merges(), .. LargePools(), .. Limits()];

    /// <summary>Score and mask mods with inputs, against the reference that calls the same methods; then with a block mask.</summary>
    public static IEnumerable<FeatureCase> Mods(int seed) =>
    [
        .. Mods<HalfSlopes, Half>(
            seed, (device, target) => new(device, target),
            (attention, given) => GeneratedKernels.Contiguous<HalfSlopes, Half>(
                attention, _ => new HalfSlopes.Inputs
                {
                    Cap = ModNumbers.Cap,
                    Slopes = given.Slopes,
                    Tokens = given.Tokens,
                    Documents = given.Documents,
                    Left = ModNumbers.Left,
                }),
            SlopeMods(HalfSlopes.Scored, HalfSlopes.Visible)),
        .. Mods<HalfPagedDocuments, Half>(
            seed, (device, target) => new(device, target),
            (attention, given) => GeneratedKernels.Paged<HalfPagedDocuments, Half>(
                attention, _ => new HalfPagedDocuments.Inputs
                {
                    Slopes = given.Slopes,
                    Tokens = given.Tokens,
                    Documents = given.Documents,
                    Left = ModNumbers.Left,
                }),
            DocumentMods(HalfPagedDocuments.Scored, HalfPagedDocuments.Visible)),
        .. Mods<HalfInt8Documents, Half>(
            seed, (device, target) => new(device, target),
            (attention, given) => GeneratedKernels.Paged<HalfInt8Documents, Half>(
                attention, _ => new HalfInt8Documents.Inputs
                {
                    Slopes = given.Slopes,
                    Tokens = given.Tokens,
                    Documents = given.Documents,
                    Left = ModNumbers.Left,
                }),
            DocumentMods(HalfInt8Documents.Scored, HalfInt8Documents.Visible)),
        .. Mods<FloatSlopes, float>(
            seed, (device, target) => new(device, target),
            (attention, given) => GeneratedKernels.Contiguous<FloatSlopes, float>(
                attention, _ => new FloatSlopes.Inputs
                {
                    Cap = ModNumbers.Cap,
                    Slopes = given.Slopes,
                    Tokens = given.Tokens,
                    Documents = given.Documents,
                    Left = ModNumbers.Left,
                }),
            SlopeMods(FloatSlopes.Scored, FloatSlopes.Visible)),
        .. Mods<FloatPagedDocuments, float>(
            seed, (device, target) => new(device, target),
            (attention, given) => GeneratedKernels.Paged<FloatPagedDocuments, float>(
                attention, _ => new FloatPagedDocuments.Inputs
                {
                    Slopes = given.Slopes,
                    Tokens = given.Tokens,
                    Documents = given.Documents,
                    Left = ModNumbers.Left,
                }),
            DocumentMods(FloatPagedDocuments.Scored, FloatPagedDocuments.Visible)),
    ];

    /// <summary>Requests that were forked from one: few keys in common and many, several queries each, every sort of cache.</summary>
    public static IEnumerable<FeatureCase> Cascades(int seed)
    {
        AttentionShape small = CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, F32, F32, KvLayout.Hnd) with
        {
            PageSize = 16,
            Sinks = true,
        };
        AttentionShape half = CaseMatrix.Shape(8, 2, 128, 128, AttentionMask.Causal, F16, F16, KvLayout.Hnd) with { PageSize = 16 };
        AttentionShape latent = CaseMatrix.Shape(16, 1, 576, 512, AttentionMask.Causal, F16, F16, KvLayout.Hnd)
            with { LatentCache = true, Scale = 1 / Math.Sqrt(192), PageSize = 64 };
        foreach (int shared in new[] { 128, 512, 2048 })
        {
            yield return Cascade<float>(small, requests: 8, queries: 1, shared, unique: 17, seed++);
            yield return Cascade<float>(small, requests: 5, queries: 1, shared, unique: 37, seed++);
            yield return Cascade<Half>(half, requests: 8, queries: 1, shared, unique: 37, seed++);
        }

        yield return Cascade<float>(small, requests: 4, queries: 2, shared: 520, unique: 17, seed++);
        yield return Cascade<float>(small with { CacheStorage = Int4 }, requests: 4, queries: 1, shared: 512, unique: 17, seed++);
        yield return Cascade<Half>(half, requests: 4, queries: 3, shared: 512, unique: 37, seed++);
        yield return Cascade<BFloat16>(
            half with
            {
                Storage = BF16,
                CacheStorage = BF16,
                Layout = KvLayout.Nhd,
                Mask = AttentionMask.None,
            }, requests: 5, queries: 1, shared: 512, unique: 37, seed++);
        foreach (ElementType cache in new[] { Int8, Int4, F8 })
        {
            yield return Cascade<Half>(half with { CacheStorage = cache }, requests: 6, queries: 1, shared: 512, unique: 37, seed++);
        }

        yield return Cascade<Half>(latent, requests: 3, queries: 1, shared: 512, unique: 37, seed++);
        yield return Cascade<BFloat16>(
            latent with { Storage = BF16, CacheStorage = F8 }, requests: 3, queries: 2, shared: 512, unique: 17, seed++);
    }

    /// <summary>Deterministic specs: requests alone and in a batch of single tokens, chunks and prompts.</summary>
    public static IEnumerable<FeatureCase> Determinism(int seed)
    {
        AttentionShape small = CaseMatrix.Shape(8, 2, 64, 64, AttentionMask.Causal, F32, F32, KvLayout.Hnd) with { Deterministic = true };
        AttentionShape half = CaseMatrix.Shape(8, 2, 128, 128, AttentionMask.Causal, F16, F16, KvLayout.Hnd) with { Deterministic = true };
        AttentionShape latent = CaseMatrix.Shape(16, 1, 576, 512, AttentionMask.Causal, F16, F16, KvLayout.Hnd)
            with { LatentCache = true, Scale = 1 / Math.Sqrt(192), Deterministic = true };
        (int, int)[] few = [(1, 37), (5, 700), (1, 5000), (40, 40)];
        yield return Deterministic<float>(small, Mixed, seed++);
        yield return Deterministic<float>(small with { CacheStorage = F16, PageSize = 16 }, Mixed, seed++);
        yield return Deterministic<float>(
            small with { CacheStorage = F16, PageSize = 16 }, [.. Enumerable.Range(0, 6).Select(i => (1, 1577 + i))], seed++, shared: 1500);
        yield return Deterministic<Half>(half, Mixed, seed++);
        yield return Deterministic<Half>(half with { PageSize = 16 }, Mixed, seed++);
        yield return Deterministic<Half>(
            half with { PageSize = 16 }, [.. Enumerable.Range(0, 6).Select(i => (1, 1577 + i))], seed++, shared: 1500);
        yield return Deterministic<Half>(half with { CacheStorage = F8, PageSize = 16, Sinks = true }, Mixed, seed++);
        yield return Deterministic<Half>(latent, few, seed++);
        yield return Deterministic<Half>(latent with { PageSize = 64 }, few, seed++);
        yield return Deterministic<BFloat16>(latent with { Storage = BF16, CacheStorage = F8, PageSize = 64 }, few, seed++);
    }

    /// <summary>Partial states, some of them empty, merged into one.</summary>
    public static IEnumerable<FeatureCase> Merges()
    {
        foreach (int states in new[] { 1, 2, 3, 5, 17, 32, 55, 97, 133 })
        {
            yield return Merge<float>(MergeCheck.Shape(3, 11, F32, sinks: false), states);
            yield return Merge<float>(MergeCheck.Shape(3, 11, F32, sinks: true), states);
            yield return Merge<Half>(MergeCheck.Shape(4, 128, F16, sinks: true), states);
            yield return Merge<BFloat16>(MergeCheck.Shape(4, 128, BF16, sinks: false), states);
            yield return Merge<float>(MergeCheck.Shape(3, 11, F32, sinks: states % 2 == 0), states, poisoned: true);
        }
    }

    /// <summary>Pools whose keys have more than 2^31 elements.</summary>
    public static IEnumerable<FeatureCase> LargePools()
    {
        AttentionShape half = CaseMatrix.Shape(33, 33, 128, 128, AttentionMask.Causal, F16, F16, KvLayout.Hnd) with { PageSize = 16 };
        yield return LargePool<Half>(half);
        yield return LargePool<Half>(half with { Layout = KvLayout.Nhd });
        yield return LargePool<Half>(half with { CacheStorage = F8 });
        yield return LargePool<Half>(
            CaseMatrix.Shape(16, 1, 576, 512, AttentionMask.Causal, F16, F16, KvLayout.Hnd) with
            {
                LatentCache = true,
                Scale = 1 / Math.Sqrt(192),
                PageSize = 64,
            });
        yield return LargePool<float>(
            CaseMatrix.Shape(16, 8, 576, 512, AttentionMask.Causal, F32, F8, KvLayout.Hnd) with { LatentCache = true, PageSize = 16 });
        yield return LargePool<float>(CaseMatrix.Shape(17, 17, 256, 8, AttentionMask.Causal, F32, F8, KvLayout.Nhd) with { PageSize = 16 });
    }

    /// <summary>
    /// Axes of launches beyond what 16 bits and 20 bits count: of each kernel's tokens, items, heads, rows to merge and states.
    /// </summary>
    public static IEnumerable<FeatureCase> Limits()
    {
        AttentionShape small = CaseMatrix.Shape(1, 1, 8, 8, AttentionMask.Causal, F32, F32, KvLayout.Hnd) with { WindowLeft = 3 };
        AttentionShape half = CaseMatrix.Shape(1, 1, 64, 64, AttentionMask.Causal, F16, F16, KvLayout.Hnd) with { WindowLeft = 3 };

        // Tokens of an append, items of a decode, or of a prefill.
        yield return Limit<float>(new(small, Requests: (1 << 20) + 3, Queries: 1, Keys: 1));
        yield return Limit<float>(new(small with { PageSize = 2 }, Requests: 70_000, Queries: 1, Keys: 3));
        yield return Limit<float>(new(small, Requests: 1, Queries: (1 << 21) + 3, Keys: (1 << 21) + 3));
        yield return Limit<Half>(new(half, Requests: 70_000, Queries: 1, Keys: 3));
        yield return Limit<Half>(new(half with { PageSize = 1 }, Requests: 70_000, Queries: 1, Keys: 3));
        yield return Limit<Half>(new(half, Requests: 3, Queries: 300_000, Keys: 300_000));

        // The most heads.
        yield return Limit<float>(new(small with { QueryHeads = 1024, KvHeads = 1024 }, Requests: 70, Queries: 1, Keys: 7));
        yield return Limit<float>(
            new(small with { QueryHeads = 1024, KvHeads = 1024, Layout = KvLayout.Nhd }, Requests: 1, Queries: 300, Keys: 301));
        yield return Limit<Half>(new(half with { QueryHeads = 1024, KvHeads = 8 }, Requests: 2, Queries: 600, Keys: 600));

        // Rows to merge: each request's keys are two splits.
        yield return Limit<Half>(new(
            CaseMatrix.Shape(8, 1, 8, 8, AttentionMask.None, F16, F16, KvLayout.Hnd) with
            {
                Deterministic = true,
            }, Requests: 8_800, Queries: 1, Keys: 520));
        yield return Merge<float>(MergeCheck.Shape(2, 8, F32, sinks: true), states: 100_000, tokens: 1);
        yield return Merge<float>(MergeCheck.Shape(16, 8, F32, sinks: false), states: 3, tokens: 70_000);
        yield return Merge<Half>(MergeCheck.Shape(1, 64, F16, sinks: false), states: 2, tokens: 70_000);
        yield return new FeatureCase(
            $"limit: a block mask of {ManyMasksCheck.Requests} requests, {nameof(EvenHeads)}", EvenHeads.Descriptor, 0,
            (device, target) => ManyMasksCheck.Run(device, target));
    }

    private static ReferenceOptions SlopeMods(SlopeScore score, MaskOfDocuments mask) => new()
    {
        ScoreMod = (value, batch, head, query, key) => score(
            value, batch, head, query, key, ModNumbers.Cap, ModNumbers.HostSlopes, ModNumbers.HostTokens),
        MaskMod = (batch, head, query, key) => mask(batch, head, query, key, ModNumbers.HostDocuments, ModNumbers.Left),
    };

    private static ReferenceOptions DocumentMods(DocumentScore score, MaskOfDocuments mask) => new()
    {
        ScoreMod = (value, batch, head, query, key) => score(value, batch, head, query, key, ModNumbers.HostSlopes, ModNumbers.HostTokens),
        MaskMod = (batch, head, query, key) => mask(batch, head, query, key, ModNumbers.HostDocuments, ModNumbers.Left),
    };

    private static IEnumerable<FeatureCase> Mods<TSelf, T>(
        int seed, Func<ComputeDevice, KernelTarget?, TSelf> create, Func<TSelf, ModNumbers, KernelsUnderTest<TSelf, T>> underTest,
        ReferenceOptions mods)
        where TSelf : IAttention<TSelf, T>
        where T : unmanaged
    {
        AttentionCase prompts = new(TSelf.Descriptor.Shape, [(75, 75), (33, 129), (1, 5), (0, 3), (4, 0), (19, 7), (1, 1), (1, 140)], seed);
        AttentionCase split = new(TSelf.Descriptor.Shape, [(1, 4000), (1, 37), (2, 900)], seed + 1);
        AttentionCase tiles = new(TSelf.Descriptor.Shape, [(1200, 1200), (130, 700), (1, 1100), (2, 33), (0, 5), (3, 0)], seed + 2);
        yield return Case("mods", prompts, (attention, kernels) => CaseRunner.Run(prompts, kernels, mods).Failure);
        yield return Case("mods over split keys", split, (attention, kernels) => CaseRunner.Run(split, kernels, mods).Failure);
        foreach ((PoisonPlace place, PoisonKind kind) in new[] { (PoisonPlace.Key, PoisonKind.NaN), (PoisonPlace.Value, PoisonKind.NaN),
            (PoisonPlace.Value, PoisonKind.Infinity), (PoisonPlace.Query, PoisonKind.NegativeInfinity) })
        {
            AttentionCase poisoned = prompts with { Poison = new Poison(place, kind) };
            yield return Case("mods", poisoned, (attention, kernels) => CaseRunner.Run(poisoned, kernels, mods).Failure);
        }

        yield return Case("block mask", tiles, (attention, kernels) => BlockMaskCheck.Run(
            tiles, kernels, mods, TSelf.Descriptor, attention.Target).Failure);

        FeatureCase Case(string what, AttentionCase test, Func<TSelf, KernelsUnderTest<TSelf, T>, string?> run) =>
            new($"{what} of {typeof(TSelf).Name}: {test}", TSelf.Descriptor, test.Work, (device, target) =>
            {
                using var given = new ModNumbers(device);
                TSelf attention = create(device, target);
                using KernelsUnderTest<TSelf, T> kernels = underTest(attention, given);
                return run(attention, kernels);
            });
    }

    private static FeatureCase Cascade<T>(AttentionShape shape, int requests, int queries, int shared, int unique, int seed)
        where T : unmanaged
    {
        var test = new AttentionCase(shape, [.. Enumerable.Range(0, requests).Select(i => (queries, shared + unique + i))], seed);
        return Of($"{shared} shared keys: {test}", test, (device, target) => BatchChecks.Cascade<T>(device, target, test, shared));
    }

    private static FeatureCase Deterministic<T>(AttentionShape shape, (int, int)[] lengths, int seed, int shared = 0) where T : unmanaged
    {
        var test = new AttentionCase(shape, lengths, seed);
        return Of(
            $"deterministic{(shared > 0 ? $" with {shared} shared keys" : "")}: {test}", test,
            (device, target) => BatchChecks.Determinism<T>(device, target, test, shared));
    }

    private static FeatureCase Merge<T>(AttentionShape shape, int states, bool poisoned = false) where T : unmanaged =>
        new(
            $"merge of {states} states: {shape.Storage}, H {shape.QueryHeads} d "
                + $"{shape.ValueDim}{(shape.Sinks ? " sinks" : "")}{(poisoned ? " poisoned" : "")}", RuntimeSpec.Describe(shape), 0,
            (device, target) => MergeCheck.Run<T>(device, target, shape, states, poisoned: poisoned));

    private static FeatureCase Merge<T>(AttentionShape shape, int states, int tokens) where T : unmanaged =>
        new(
            $"limit: merge of {states} states of {tokens} tokens, {shape.Storage}, H {shape.QueryHeads} d {shape.ValueDim}",
            RuntimeSpec.Describe(shape), 0,
            (device, target) => MergeCheck.Run<T>(device, target, shape, states, tokens: tokens))
        {
            Unfit = device => states > 20_000 && device.Capabilities.Name.StartsWith("llvmpipe", StringComparison.Ordinal)
                ? "llvmpipe ends a kernel's loops after 65,535 rounds of all of them together"
                : null,
        };

    private static FeatureCase Limit<T>(LimitCheck check) where T : unmanaged =>
        new(check.ToString(), RuntimeSpec.Describe(check.Shape), check.Work, check.Run<T>) { Unfit = check.Unfit };

    private static FeatureCase LargePool<T>(AttentionShape shape) where T : unmanaged =>
        Of(
            $"{LargePoolCheck.Pages(shape)} pages: {LargePoolCheck.Case(shape)}", LargePoolCheck.Case(shape),
            (device, target) => LargePoolCheck.Run<T>(device, target, shape))
            with { Unfit = device => LargePoolCheck.Unfit(device, shape) };

    private static FeatureCase Of(string name, AttentionCase test, Func<ComputeDevice, KernelTarget?, string?> run) =>
        new(name, RuntimeSpec.Describe(test.Shape), test.Work, run);

    private delegate float SlopeScore(
        float score, int batch, int head, int query, int key, float cap, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens);

    private delegate float DocumentScore(
        float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes, ReadOnlySpan<float> tokens);

    private delegate bool MaskOfDocuments(int batch, int head, int query, int key, ReadOnlySpan<int> documents, int left);
}
