using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>
/// Steps in a wrong order, half done, or on what has changed since they were planned: a named error, and everything as it was.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class StepTests(DeviceFixture fixture)
{
    private const int QueryHeads = 4, KvHeads = 2, Dim = 16, Layers = 2, PageSize = 4, Capacity = 16;
    private const int QueryElements = QueryHeads * Dim, KeyElements = KvHeads * Dim;

    private static readonly AttentionShape Shape =
        CaseMatrix.Shape(QueryHeads, KvHeads, Dim, Dim, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    public static TheoryData<int> PageSizes => [0, PageSize];

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void ASequenceOccursOnceInAStep(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        (float[] q, float[] k, float[] v, float[] o) = Rows(3);
        setup.Launcher.Append(setup.Cache, setup[1], k, v);
        byte[] before = setup.Contents();
        foreach (int[] places in new int[][] { [1, 0, 1], [2, 2, 2], [0, 1, 1] })
        {
            SequenceHandle[] sequences = [.. places.Select(place => setup[place])];
            var e = Assert.Throws<ArgumentException>("sequences", () => setup.Launcher.Decode(setup.Cache, sequences, q, k, v, o));
            Assert.Contains($"sequence {sequences[2]} twice", e.Message, StringComparison.Ordinal);
            AttentionRequest[] requests = [.. sequences.Select(sequence => new AttentionRequest(sequence, 0, 0))];
            e = Assert.Throws<ArgumentException>("requests", () => setup.Plan.Build(setup.Cache, requests));
            Assert.Contains($"sequence {sequences[2]} twice", e.Message, StringComparison.Ordinal);
        }

        Assert.Equal([0, 3, 0], Enumerable.Range(0, 3).Select(place => setup.Cache.GetLength(setup[place])));
        Assert.Equal(before, setup.Contents());

        // The step can be taken once it is right, and the next one too.
        setup.Launcher.Decode(setup.Cache, [setup[2], setup[0], setup[1]], q, k, v, o);
        setup.Launcher.Decode(setup.Cache, [setup[0], setup[1], setup[2]], q, k, v, o);
        Assert.Equal([2, 5, 2], Enumerable.Range(0, 3).Select(place => setup.Cache.GetLength(setup[place])));
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void NothingAttendsToTokensThatWereNotAppended(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        setup.Cache.Extend(setup[0], 3);
        setup.Plan.Build(setup.Cache, [new(setup[0], 3, 3)]);
        Assert.Contains("layer 0 has 0 of these keys", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);
        (float[] q, _, _, float[] o) = Rows(1);
        Assert.Contains("Append", Refused(() => setup.Launcher.Attend(setup.Cache, setup[0], q, o)), StringComparison.Ordinal);
        setup.Append(setup.Plan, 0, 3);
        float[] first = setup.Attend(setup.Plan, 0);
        Assert.Equal(first, setup.Attend(setup.Plan, 0));
        Assert.Contains("layer 1 has 0 of these keys", Refused(() => setup.Attend(setup.Plan, 1)), StringComparison.Ordinal);

        // Another plan's append counts, and queries over keys that are there need none.
        using AttentionPlan<RuntimeSpec> last = setup.Launcher.CreatePlan();
        last.Build(setup.Cache, [new(setup[0], 1, 3)]);
        Assert.Equal(first[(2 * QueryElements)..(3 * QueryElements)], setup.Attend(last, 0, firstQuery: 2)[..QueryElements]);

        // One of several sequences that lacks a token is enough.
        setup.Cache.Extend(setup[0], 1);
        setup.Cache.Extend(setup[1], 1);
        setup.Plan.Build(setup.Cache, [new(setup[0], 1, 4), new(setup[1], 1, 1)]);
        last.Build(setup.Cache, [new(setup[0], 1, 4)]);
        setup.Append(last, 0, 1);
        Assert.Contains("Sequence = 1", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);
        setup.Attend(last, 0);
        setup.Cache.MarkWritten(setup[1]);
        setup.Attend(setup.Plan, 0);
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void WithoutAKeyLengthARequestHasItsSequencesTokens(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        setup.Step(setup[0], 5, seed: 1);
        setup.Plan.Build(setup.Cache, [new(setup[0], 2, 5)]);
        float[] expected = setup.Attend(setup.Plan, 0);
        setup.Plan.Build(setup.Cache, [new(setup[0], 2)]);
        Assert.Equal(5, setup.Plan.Work.Keys);
        Assert.Equal(expected, setup.Attend(setup.Plan, 0));

        // Those that it has when the plan is built.
        setup.Cache.Extend(setup[0], 1);
        Assert.Equal(expected, setup.Attend(setup.Plan, 0));
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void TokensAreAppendedInOrder(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        setup.Cache.Extend(setup[0], 2);
        setup.Plan.Build(setup.Cache, [new(setup[0], 2, 2)]);
        setup.Cache.Extend(setup[0], 1);
        using AttentionPlan<RuntimeSpec> next = setup.Launcher.CreatePlan();
        next.Build(setup.Cache, [new(setup[0], 1, 3)]);
        byte[] before = setup.Contents();
        Assert.Contains("layer 0 has 0 tokens", Refused(() => setup.Append(next, 0, 1)), StringComparison.Ordinal);
        Assert.Equal(before, setup.Contents());
        setup.Append(setup.Plan, 0, 2);
        setup.Append(next, 0, 1);
        float[] there = setup.Attend(next, 0);

        // A step that is appended again writes the same.
        setup.Append(next, 0, 1);
        Assert.Equal(there, setup.Attend(next, 0));
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void GuessesAreTakenBack(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        setup.Step(setup[0], 5, seed: 1);
        float[] expected = setup.Step(setup[0], 1, seed: 2);
        setup.Cache.Truncate(setup[0], 5);
        setup.Step(setup[0], 3, seed: 3);
        Assert.Equal(8, setup.Cache.GetLength(setup[0]));
        setup.Cache.Truncate(setup[0], 5);
        string message = Refused(() => setup.Attend(setup.Plan, 0));
        Assert.Contains("Sequence 0 was truncated", message, StringComparison.Ordinal);
        Assert.Equal(message, Refused(() => setup.Append(setup.Plan, 0, 3)));

        // The place is as good as new, and what was guessed does not count as written.
        setup.Cache.Extend(setup[0], 1);
        setup.Plan.Build(setup.Cache, [new(setup[0], 1, 6)]);
        Assert.Contains("has 5 of these keys", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);
        setup.Cache.Truncate(setup[0], 5);
        Assert.Equal(expected, setup.Step(setup[0], 1, seed: 2));
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void APlanHoldsWhileItsSequencesOnlyGrow(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        setup.Step(setup[0], 5, seed: 1);
        float[] expected = setup.Attend(setup.Plan, 0);
        using AttentionPlan<RuntimeSpec> held = setup.Launcher.CreatePlan();
        held.Build(setup.Cache, [new(setup[0], 5, 5)]);
        setup.Step(setup[0], 4, seed: 2);
        setup.Step(setup[1], 6, seed: 3);
        setup.Cache.Truncate(setup[1], 2);
        setup.Cache.Truncate(setup[0], 9);
        Assert.Equal(expected, setup.Attend(held, 0));

        // A build that is refused leaves the plan as it was.
        Assert.Throws<ArgumentException>("requests", () => held.Build(setup.Cache, [new(setup[0], 1, 1), new(setup[1], 1, 3)]));
        Assert.Equal(5, held.Tokens);
        Assert.Equal(expected, setup.Attend(held, 0));
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void AReleasedSequenceIsGone(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        IKvCache<RuntimeSpec> cache = setup.Cache;
        SequenceHandle gone = setup[0];
        setup.Step(gone, 3, seed: 1);
        cache.Release(gone);
        Assert.Contains("Sequence 0 was released", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);

        // Another has its place, and nothing of what it had.
        SequenceHandle next = cache.AddSequence();
        Assert.Equal(gone.Index, next.Index);
        Assert.NotEqual(gone, next);
        Assert.Contains("Sequence 0 was released", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);
        Assert.Equal(0, cache.GetLength(next));
        cache.Extend(next, 1);
        setup.Plan.Build(cache, [new(next, 1)]);
        Assert.Contains("has 0 of these keys", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);
        cache.Truncate(next, 0);
        setup.Step(next, 2, seed: 2);
        byte[] before = setup.Contents();
        (float[] q, float[] k, float[] v, float[] o) = Rows(1);
        List<Action> uses =
        [
            () => cache.Extend(gone, 1), () => cache.Truncate(gone, 0), () => cache.GetLength(gone), () => cache.Release(gone),
            () => cache.MarkWritten(gone),
            () => setup.Launcher.Append(cache, gone, k, v), () => setup.Launcher.Attend(cache, gone, q, o),
            () => setup.Launcher.Prefill(cache, gone, q, k, v, o), () => setup.Launcher.Decode(cache, [gone], q, k, v, o),
        ];
        if (cache is PagedKvCache<RuntimeSpec> paged)
        {
            uses.AddRange(
                [() => paged.Fork(gone), () => paged.SwapOut(gone), () => paged.Publish(gone, [1]), () => paged.AdoptPrefix(gone, [1])]);
        }

        Assert.All(
            uses, use => Assert.Contains(
                "released", Assert.Throws<ArgumentOutOfRangeException>("sequence", use).Message, StringComparison.Ordinal));
        Assert.False(cache.Contains(gone));
        Assert.Throws<ArgumentException>("requests", () => setup.Plan.Build(cache, [new(gone, 1, 1)]));
        Assert.Equal(2, cache.GetLength(next));
        Assert.Equal(before, setup.Contents());
    }

    [SkippableFact]
    public void ASwappedOutSequenceTakesNoPartInSteps()
    {
        using Setup setup = new(fixture.Device, PageSize);
        var cache = (PagedKvCache<RuntimeSpec>)setup.Cache;
        setup.Step(setup[1], 2, seed: 4);
        setup.Step(setup[0], 5, seed: 1);
        float[] expected = setup.Attend(setup.Plan, 0);
        cache.SwapOut(setup[0]);
        Assert.Contains("swapped out", Refused(() => setup.Attend(setup.Plan, 0)), StringComparison.Ordinal);
        (float[] q, float[] k, float[] v, float[] o) = Rows(2);
        Refused(() => setup.Launcher.Decode(cache, [setup[1], setup[0]], q, k, v, o));
        Refused(() => setup.Plan.Build(cache, [new(setup[1], 1, 2), new(setup[0], 1, 5)]));
        Assert.Equal((5, 2), (cache.GetLength(setup[0]), cache.GetLength(setup[1])));
        Assert.True(cache.TrySwapIn(setup[0]));

        // Its pages may be others now.
        Refused(() => setup.Attend(setup.Plan, 0));
        setup.Plan.Build(cache, [new(setup[0], 5, 5)]);
        Assert.Equal(expected, setup.Attend(setup.Plan, 0));
    }

    [SkippableFact]
    public void WhatIsNotWrittenIsNotShared()
    {
        using Setup setup = new(fixture.Device, PageSize);
        var cache = (PagedKvCache<RuntimeSpec>)setup.Cache;
        cache.Extend(setup[0], 6);
        setup.Plan.Build(cache, [new(setup[0], 6, 6)]);
        setup.Append(setup.Plan, 0, 6);
        Assert.Contains("0 have been appended to all layers", Refused(() => cache.Fork(setup[0])), StringComparison.Ordinal);
        Refused(() => cache.Publish(setup[0], [1, 2, 3, 4, 5, 6]));
        setup.Append(setup.Plan, 1, 6);
        SequenceHandle fork = cache.Fork(setup[0]);
        float[] expected = setup.Attend(setup.Plan, 0);

        // What two sequences have is not written again; a fork has what its parent had, and writes in a page of its own.
        Assert.Contains("other sequences have", Refused(() => setup.Append(setup.Plan, 0, 6)), StringComparison.Ordinal);
        setup.Step(fork, 1, seed: 9);
        setup.Plan.Build(cache, [new(setup[0], 6, 6)]);
        Assert.Equal(expected, setup.Attend(setup.Plan, 0));
        Assert.Equal(4, cache.Publish(fork, [1, 2, 3, 4, 5, 6]));
        Assert.Equal(4, cache.AdoptPrefix(setup[1], [1, 2, 3, 4]));
        setup.Plan.Build(cache, [new(setup[1], 4, 4)]);
        Assert.Equal(expected[..(4 * QueryElements)], setup.Attend(setup.Plan, 0)[..(4 * QueryElements)]);

        // A plan over a published page leaves its tokens out.
        byte[] before = setup.Contents();
        setup.Append(setup.Plan, 0, 4);
        Assert.Equal(before, setup.Contents());
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void AStepMayBeEmpty(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        byte[] before = setup.Contents();
        setup.Plan.Build(setup.Cache, []);
        setup.Append(setup.Plan, 1, 0);
        setup.Attend(setup.Plan, 1);
        setup.Launcher.Decode(setup.Cache, [], [], [], [], []);
        setup.Launcher.Prefill(setup.Cache, setup[0], [], [], [], []);
        setup.Launcher.Append(setup.Cache, setup[0], [], []);
        setup.Launcher.Attend(setup.Cache, setup[0], [], []);
        setup.Cache.Extend(setup[0], 0);
        setup.Plan.Build(setup.Cache, [new(setup[0], 0, 0), new(setup[1], 2, 0)]);
        setup.Append(setup.Plan, 0, 2);
        Assert.All(setup.Attend(setup.Plan, 0)[..(2 * QueryElements)], x => Assert.Equal(0, x));
        Assert.Equal(0, setup.Cache.GetLength(setup[0]));
        Assert.Equal(before, setup.Contents());
    }

    [SkippableFact]
    public void APlanIsForOneDeviceAndTarget()
    {
        using Setup setup = new(fixture.Device, 0);
        setup.Step(setup[0], 2, seed: 1);
        byte[] before = setup.Contents();
        using AttentionLauncher<RuntimeSpec, float> portable = new(setup.Device, RuntimeSpec.Describe(Shape), KernelTarget.Portable);
        using AttentionLauncher<RuntimeSpec, float> cpu = new(setup.Device, RuntimeSpec.Describe(Shape), KernelTarget.Cpu);
        using AttentionPlan<RuntimeSpec> plan = portable.CreatePlan();
        plan.Build(setup.Cache, [new(setup[0], 1, 2)]);
        Assert.Throws<ArgumentException>("plan", () => cpu.SubmitAttend(plan, setup.Cache, 0, setup.Queries, setup.Outputs));

        using ComputeDevice other = ComputeDevice.Open(setup.Device.Info);
        using AttentionLauncher<RuntimeSpec, float> there = new(other, setup.Descriptor);
        using KvCache<RuntimeSpec> cacheThere = there.CreateCache(1, Capacity, Layers);
        SequenceHandle sequenceThere = cacheThere.AddSequence();
        using AttentionPlan<RuntimeSpec> planThere = there.CreatePlan();
        using DeviceBuffer<float> bufferThere = other.Allocate<float>(Capacity * QueryElements);
        (float[] q, float[] k, float[] v, float[] o) = Rows(1);
        Assert.Throws<ArgumentException>("cache", () => setup.Plan.Build(cacheThere, []));
        Assert.Throws<ArgumentException>("cache", () => setup.Launcher.Prefill(cacheThere, sequenceThere, q, k, v, o));
        Assert.Throws<ArgumentException>("cache", () => setup.Launcher.Append(cacheThere, sequenceThere, k, v));
        Assert.Equal(0, cacheThere.GetLength(sequenceThere));
        planThere.Build(cacheThere, []);
        Assert.Throws<ArgumentException>("plan", () => setup.Launcher.SubmitAttend(planThere, cacheThere, 0, setup.Queries, setup.Outputs));
        Assert.Throws<ArgumentException>(() => setup.Launcher.SubmitAttend(setup.Plan, setup.Cache, 0, bufferThere, setup.Outputs));
        Assert.Throws<ArgumentException>(() => setup.Launcher.SubmitAttend(setup.Plan, setup.Cache, 0, setup.Queries, bufferThere));
        Assert.Throws<ArgumentException>(() => setup.Launcher.SubmitAppend(setup.Plan, setup.Cache, 0, bufferThere, setup.Queries));
        Assert.Equal(before, setup.Contents());
    }

    [SkippableTheory]
    [MemberData(nameof(PageSizes))]
    public void APlanIsBuiltAgainWhileLaunchesAreUnderWay(int pageSize)
    {
        using Setup setup = new(fixture.Device, pageSize);
        float[][] expected = [.. Enumerable.Range(0, 6).Select(step => setup.Step(setup[step % 2], 2, seed: step))];
        setup.Cache.Truncate(setup[0], 0);
        setup.Cache.Truncate(setup[1], 0);
        DeviceBuffer<float>[] outputs = [.. expected.Select(_ => setup.Device.Allocate<float>(2 * QueryElements))];
        for (int step = 0; step < outputs.Length; step++)
        {
            SequenceHandle sequence = setup[step % 2];
            setup.Cache.Extend(sequence, 2);
            setup.Plan.Build(setup.Cache, [new(sequence, 2)]);
            (float[] q, float[] k, float[] v, _) = Rows(2, step);
            for (int layer = 0; layer < Layers; layer++)
            {
                // Their memory lives on until the commands have ended.
                using DeviceBuffer<float> queries = setup.Device.Upload<float>(q), keys = setup.Device.Upload<float>(k),
                    values = setup.Device.Upload<float>(v);
                setup.Launcher.SubmitAppend(setup.Plan, setup.Cache, layer, keys, values);
                setup.Launcher.SubmitAttend(setup.Plan, setup.Cache, layer, queries, outputs[step]);
            }
        }

        for (int step = 0; step < outputs.Length; step++)
        {
            float[] read = new float[2 * QueryElements];
            setup.Device.Queue.Read(outputs[step], read.AsSpan());
            Assert.Equal(expected[step], read);
            outputs[step].Dispose();
        }
    }

    private static string Refused(Action action) => Assert.Throws<InvalidOperationException>(action).Message;

    private static (float[] Queries, float[] Keys, float[] Values, float[] Outputs) Rows(int tokens, int seed = 0)
    {
        var random = new Random(seed);
        return (Some(QueryElements), Some(KeyElements), Some(KeyElements), new float[tokens * QueryElements]);

        float[] Some(int each) => [.. Enumerable.Range(0, tokens * each).Select(_ => random.NextSingle() - 0.5f)];
    }

    /// <summary>A launcher, a cache with the sequences 0 to 2, and a plan that is not built yet.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly SequenceHandle[] sequences;

        public Setup(ComputeDevice device, int pageSize)
        {
            Device = device;
            Descriptor = RuntimeSpec.Describe(Shape with { PageSize = pageSize });
            Launcher = new(device, Descriptor);
            Plan = Launcher.CreatePlan();
            if (pageSize == 0)
            {
                Cache = Launcher.CreateCache(3, Capacity, Layers);
            }
            else
            {
                PagedKvCache<RuntimeSpec> paged = Launcher.CreatePagedCache(3 * Capacity / pageSize, Layers);
                Cache = paged;
            }

            sequences = Cache.AddSequences(3);
            Assert.Equal([0, 1, 2], sequences.Select(sequence => sequence.Index));

            Queries = device.Upload<float>(Rows(Capacity).Queries);
            Outputs = device.Allocate<float>(Capacity * QueryElements);
            foreach (DeviceBuffer<byte> buffer in Buffers)
            {
                device.Queue.SubmitFill(buffer, (byte)0, 0, buffer.Length);
            }
        }

        /// <summary>The sequence that has a place.</summary>
        public SequenceHandle this[int place] => sequences[place];

        public ComputeDevice Device { get; }

        public AttentionDescriptor Descriptor { get; }

        public AttentionLauncher<RuntimeSpec, float> Launcher { get; }

        public IKvCache<RuntimeSpec> Cache { get; }

        public AttentionPlan<RuntimeSpec> Plan { get; }

        public DeviceBuffer<float> Queries { get; }

        public DeviceBuffer<float> Outputs { get; }

        private IEnumerable<DeviceBuffer<byte>> Buffers =>
            Enumerable.Range(0, Layers).SelectMany(layer => new[] { Cache.GetKeys(layer), Cache.GetValues(layer) });

        public void Append(AttentionPlan<RuntimeSpec> plan, int layer, int tokens, int seed = 0)
        {
            (_, float[] k, float[] v, _) = Rows(tokens, seed);
            using DeviceBuffer<float> keys = Device.Upload<float>(k), values = Device.Upload<float>(v);
            Launcher.SubmitAppend(plan, Cache, layer, keys, values);
        }

        /// <summary>The outputs of the same queries each time, or of those from one on.</summary>
        public float[] Attend(AttentionPlan<RuntimeSpec> plan, int layer, int firstQuery = 0)
        {
            using DeviceBuffer<float> queries = Device.Upload<float>(Rows(Capacity).Queries[(firstQuery * QueryElements)..]);
            Launcher.SubmitAttend(plan, Cache, layer, queries, Outputs);
            float[] outputs = new float[Outputs.Length];
            Device.Queue.Read(Outputs, outputs.AsSpan());
            return outputs[..(plan.Tokens * QueryElements)];
        }

        /// <summary>A whole step of one sequence.</summary>
        /// <returns>The last layer's outputs.</returns>
        public float[] Step(SequenceHandle sequence, int tokens, int seed)
        {
            Cache.Extend(sequence, tokens);
            Plan.Build(Cache, [new(sequence, tokens)]);
            float[] outputs = new float[tokens * QueryElements];
            using DeviceBuffer<float> queries = Device.Upload<float>(Rows(tokens, seed).Queries);
            for (int layer = 0; layer < Layers; layer++)
            {
                Append(Plan, layer, tokens, seed);
                Launcher.SubmitAttend(Plan, Cache, layer, queries, Outputs);
            }

            Device.Queue.Read(Outputs, outputs.AsSpan());
            return outputs;
        }

        public byte[] Contents() => [.. Buffers.SelectMany(buffer =>
        {
            byte[] bytes = new byte[buffer.Length];
            Device.Queue.Read(buffer, bytes.AsSpan());
            return bytes;
        })];

        public void Dispose()
        {
            Plan.Dispose();
            Cache.Dispose();
            Launcher.Dispose();
            Queries.Dispose();
            Outputs.Dispose();
        }
    }
}
