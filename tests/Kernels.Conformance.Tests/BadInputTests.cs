using Kernels.OpenCL;
using Kernels.Planning;

namespace Kernels.Conformance.Tests;

/// <summary>Wrong arguments to caches, plans and launchers: a named error, and everything as it was.</summary>
[Collection(DeviceCollection.Name)]
public sealed class BadInputTests(DeviceFixture fixture)
{
    private const int Capacity = 4;

    // Query heads 4, KV heads 2, keys of 8 elements, values of 16.
    private static readonly AttentionShape Shape =
        CaseMatrix.Shape(4, 2, 8, 16, AttentionMask.Causal, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);

    private const int QueryElements = 4 * 8, KeyElements = 2 * 8, ValueElements = 2 * 16, OutputElements = 4 * 16;

    [SkippableFact]
    public void HostTypeMustBeTheStorages()
    {
        ComputeDevice device = fixture.Device;
        var e = Assert.Throws<ArgumentException>(() => new AttentionLauncher<RuntimeSpec, Half>(device, RuntimeSpec.Describe(Shape)));
        Assert.Contains("Float32", e.Message, StringComparison.Ordinal);
        Assert.Contains("Half", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void SpansOfWrongLengthAreRefused()
    {
        using Setup setup = new(fixture.Device);
        AttentionLauncher<RuntimeSpec, float> launcher = setup.Launcher;
        (float[] q, float[] k, float[] v, float[] o) = Step(1);
        Assert.Throws<ArgumentException>("queries", () => launcher.Prefill(setup.Cache, setup[0], q[1..], k, v, o));
        Assert.Throws<ArgumentException>("keys", () => launcher.Prefill(setup.Cache, setup[0], q, k[1..], v, o));
        Assert.Throws<ArgumentException>("values", () => launcher.Prefill(setup.Cache, setup[0], q, k, v[1..], o));
        Assert.Throws<ArgumentException>("outputs", () => launcher.Prefill(setup.Cache, setup[0], q, k, v, o[1..]));
        Assert.Throws<ArgumentException>("queries", () => launcher.Decode(setup.Cache, [setup[0], setup[1]], q, k, v, o));
        Assert.Throws<ArgumentException>("keys", () => launcher.Append(setup.Cache, setup[0], k[1..], v));
        Assert.Throws<ArgumentException>("values", () => launcher.Append(setup.Cache, setup[0], k, v[1..]));
        Assert.Throws<ArgumentException>("outputs", () => launcher.Attend(setup.Cache, setup[0], q, o[1..]));
        Assert.Equal((0, 0), (setup.Cache.GetLength(setup[0]), setup.Cache.GetLength(setup[1])));
    }

    [SkippableFact]
    public void ElementsThat32BitsCannotCountAreRefused()
    {
        // A token has 2^19 elements of queries, so that 2^13 tokens have none in 32 bits, but for those above.
        AttentionShape shape = CaseMatrix.Shape(
            1024, 1, 512, 512, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd);
        using var launcher = new AttentionLauncher<RuntimeSpec, Half>(fixture.Device, RuntimeSpec.Describe(shape));
        using KvCache<RuntimeSpec> cache = launcher.CreateCache(1 << 13, 1, 1);
        SequenceHandle[] sequences = cache.AddSequences(1 << 13);
        var e = Assert.Throws<ArgumentException>("queries", () => launcher.Decode(cache, sequences, [], [], [], []));
        Assert.Contains("4294967296", e.Message, StringComparison.Ordinal);

        // 2^23 tokens, whose values have 64 times as many elements as their keys.
        shape = CaseMatrix.Shape(1, 1, 8, 512, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd);
        using var wide = new AttentionLauncher<RuntimeSpec, Half>(fixture.Device, RuntimeSpec.Describe(shape));
        using KvCache<RuntimeSpec> wideCache = wide.CreateCache(1, 4, 1);
        SequenceHandle sequence = wideCache.AddSequence();
        Half[] keys = new Half[8 << 23];
        e = Assert.Throws<ArgumentException>("values", () => wide.Append(wideCache, sequence, keys, []));
        Assert.Contains("4294967296", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentException>("outputs", () => wide.Attend(wideCache, sequence, keys, []));
        Assert.Contains("4294967296", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void CachesOfMoreSlotsThanAreNumberedAreRefused()
    {
        AttentionShape shape = CaseMatrix.Shape(1, 1, 8, 8, AttentionMask.Causal, ElementType.Float16, ElementType.Float16, KvLayout.Hnd);
        using var launcher = new AttentionLauncher<RuntimeSpec, Half>(fixture.Device, RuntimeSpec.Describe(shape));
        var e = Assert.Throws<ArgumentException>("sequences", () => launcher.CreateCache(1 << 16, 1 << 15, 1));
        Assert.Contains("2147483648", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>("capacity", () => launcher.CreateCache(1, WorkPlan.MaxLength + 1, 1));
        using var paged = new AttentionLauncher<RuntimeSpec, Half>(fixture.Device, RuntimeSpec.Describe(shape with { PageSize = 256 }));
        long before = fixture.Device.AllocatedBytes;
        Assert.Throws<DeviceLimitException>(() => paged.CreatePagedCache(int.MaxValue, 1));
        Assert.Equal(before, fixture.Device.AllocatedBytes);
    }

    [SkippableFact]
    public void BuffersThatAreTooSmallAreRefused()
    {
        using Setup setup = new(fixture.Device);
        setup.Cache.Extend(setup[0], 1);
        setup.Plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 1)]);
        using DeviceBuffer<float> small = setup.Device.Allocate<float>(KeyElements - 1), large = setup.Device.Allocate<float>(
            OutputElements);
        AttentionLauncher<RuntimeSpec, float> launcher = setup.Launcher;
        Assert.Throws<ArgumentException>("keys", () => launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, small, large));
        Assert.Throws<ArgumentException>("values", () => launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, large, small));
        Assert.Throws<ArgumentException>("queries", () => launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, small, large));
        Assert.Throws<ArgumentException>("outputs", () => launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, small));
        using DeviceBuffer<float> other = setup.Device.Allocate<float>(OutputElements), lse = setup.Device.Allocate<float>(
            Shape.QueryHeads - 1);
        Assert.Throws<ArgumentException>("lse", () => launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, other, lse: lse));
        Assert.Throws<ArgumentException>("outputs", () => launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, large));
        Assert.Throws<ArgumentNullException>("keys", () => launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, null!, large));
        Assert.Throws<ArgumentOutOfRangeException>("layer", () => launcher.EnqueueAppend(setup.Plan, setup.Cache, 1, large, large));
        Assert.Throws<ArgumentOutOfRangeException>("layer", () => launcher.EnqueueAttend(setup.Plan, setup.Cache, -1, large, other));
        Assert.Throws<ArgumentException>("outputs", () => launcher.EnqueueMergeStates(new(large, other, 1, 1), large, other));
        using DeviceBuffer<float> merged = setup.Device.Allocate<float>(OutputElements);
        Assert.Throws<ArgumentException>("lse", () => launcher.EnqueueMergeStates(new(large, other, 1, 1), merged, other));
    }

    [SkippableFact]
    public void InputsOfTheLaunchMustBeThereAndFit()
    {
        using Setup setup = new(fixture.Device, Shape with { Sinks = true, Documents = true, KeyPadding = true, Bias = true });
        AttentionLauncher<RuntimeSpec, float> launcher = setup.Launcher;
        setup.Cache.Extend(setup[0], 3);
        setup.Cache.Extend(setup[1], 2);
        setup.Cache.Extend(setup[2], 1);
        for (int place = 0; place < 3; place++)
        {
            setup.Cache.MarkWritten(setup[place]);
        }

        setup.Plan.Build(setup.Cache, [new AttentionRequest(setup[0], 2, 3), new AttentionRequest(setup[1], 1, 2)]);
        using DeviceBuffer<float> large = setup.Device.Allocate<float>(3 * OutputElements), outputs = setup.Device.Allocate<float>(
            3 * OutputElements);
        using DeviceBuffer<int> documents = setup.Device.Allocate<int>(5), fewDocuments = setup.Device.Allocate<int>(4);
        using DeviceBuffer<byte> mask = setup.Device.Allocate<byte>(9);

        AttentionInputs inputs = default;
        using DeviceBuffer<float> fewSinks = setup.Device.Allocate<float>(Shape.QueryHeads - 1);
        Missing("Sinks");
        inputs = inputs with { Sinks = fewSinks };
        Refused("Sinks", "4");
        inputs = inputs with { Sinks = large };

        Missing("Documents");
        inputs = inputs with { Documents = fewDocuments };
        Refused("Documents", "5");
        inputs = inputs with { Documents = documents };

        Missing("KeyPadding");
        inputs = inputs with { KeyPadding = new KeyMask(mask, 2, 2) };
        Refused("KeyPadding", "3 keys");
        inputs = inputs with { KeyPadding = new KeyMask(mask, 1, 3) };
        Missing("Bias");
        Assert.Throws<ArgumentException>("values", () => new KeyMask(mask, 2, 5));

        inputs = inputs with { Bias = new AttentionBias(large, 1, 2, 1, 3) };
        Refused("Bias", "1 or 4 heads");
        inputs = inputs with { Bias = new AttentionBias(large, 1, 4, 1, 2) };
        Refused("Bias", "3 keys");
        inputs = inputs with { Bias = new AttentionBias(large, 3, 1, 2, 4) };
        launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, outputs, inputs).Dispose();
        setup.Device.Queue.Finish();
        var e = Assert.Throws<ArgumentException>("values", () => new AttentionBias(large, 1 << 20, 1 << 20, 1 << 20, 1 << 20));
        Assert.Contains("1208925819614629174706176", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentException>("values", () => new KeyMask(mask, 1 << 16, 1 << 16));
        Assert.Contains("4294967296", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<ArgumentException>("values", () => new DeviceRopeTable(large, 1 << 30, 4));
        Assert.Contains("4294967296", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>("queries", () => new AttentionBias(large, 1, 1, 0, 1));

        // Three requests for a mask of two.
        inputs = inputs with { KeyPadding = new KeyMask(mask, 2, 3) };
        setup.Plan.Build(
            setup.Cache,
            [new AttentionRequest(setup[0], 1, 1), new AttentionRequest(setup[1], 1, 1), new AttentionRequest(setup[2], 1, 1)]);
        Refused("KeyPadding", "3 requests");

        void Missing(string name)
        {
            var e = Assert.Throws<InvalidOperationException>(
                () => launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, outputs, inputs));
            Assert.Contains(name, e.Message, StringComparison.Ordinal);
        }

        void Refused(string name, string expected)
        {
            var e = Assert.Throws<ArgumentException>(
                name, () => launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, outputs, inputs));
            Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void InputsThatTheSpecHasNotAreRefused()
    {
        using Setup setup = new(fixture.Device);
        using Setup other = new(fixture.Device, Shape with { KeyPadding = true });
        AttentionLauncher<RuntimeSpec, float> launcher = setup.Launcher;
        setup.Cache.Extend(setup[0], 1);
        setup.Plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 1)]);
        using DeviceBuffer<float> large = setup.Device.Allocate<float>(OutputElements), to = setup.Device.Allocate<float>(OutputElements);
        using DeviceBuffer<int> ints = setup.Device.Allocate<int>(8);
        using DeviceBuffer<byte> bytes = setup.Device.Allocate<byte>(8);
        using DeviceRopeTable angles = new(setup.Device, RopeTable.Plain(8, 8));
        (float[] q, float[] k, float[] v, float[] o) = Step(1);
        (string, AttentionInputs)[] unknown =
        [
            ("Sinks", new() { Sinks = large }), ("Documents", new() { Documents = ints }),
            ("KeyPadding", new() { KeyPadding = new(bytes, 1, 8) }),
            ("Bias", new() { Bias = new(large, 1, 1, 1, 8) }), ("Rope", new() { Rope = angles }), ("Mods", new() { Mods = new NoInputs() }),
        ];
        foreach ((string name, AttentionInputs inputs) in unknown)
        {
            Action[] launches =
            [
                () => launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, large, large, inputs), () => launcher.SubmitAppend(
                    setup.Plan, setup.Cache, 0, large, large, inputs),
                () => launcher.EnqueueMergeStates(new(large, large, 1, 1), to, to, inputs),
                () => launcher.Append(setup.Cache, setup[0], k, v, inputs),
                () => launcher.Prefill(setup.Cache, setup[0], q, k, v, o, inputs),
                () => launcher.Decode(setup.Cache, [setup[0]], q, k, v, o, inputs),
            ];
            Assert.All(
                launches, launch => Assert.Contains(
                    Shape.ToString(), Assert.Throws<ArgumentException>(name, launch).Message, StringComparison.Ordinal));
            Assert.Equal((1, 0), (setup.Cache.GetLength(setup[0]), setup.Cache.Written[0, 0]));
        }

        // One that the spec has does not excuse one that it has not.
        other.Cache.Extend(other[0], 1);
        other.Cache.MarkWritten(other[0]);
        other.Plan.Build(other.Cache, [new AttentionRequest(other[0], 1, 1)]);
        AttentionInputs both = new() { KeyPadding = new(bytes, 1, 8), Sinks = large };
        Assert.Throws<ArgumentException>("Sinks", () => other.Launcher.EnqueueAttend(other.Plan, other.Cache, 0, large, to, both));
        Assert.Throws<ArgumentException>("Sinks", () => other.Launcher.SubmitAttend(other.Plan, other.Cache, 0, large, to, both));
        Assert.Throws<ArgumentException>("Sinks", () => other.Launcher.Attend(other.Cache, other[0], q, o, both));
        other.Launcher.Attend(other.Cache, other[0], q, o, both with { Sinks = null });
    }

    private sealed class NoInputs : IModInputs
    {
        public int Bind(ComputeKernel kernel, int first) => first;
    }

    [SkippableFact]
    public void AnglesMustBeTheSpecsAndReachTheLastPosition()
    {
        using Setup setup = new(fixture.Device, Shape with { Rope = RopeStyle.HalfSplit, RotaryDim = 4 });
        setup.Cache.Extend(setup[0], 3);
        setup.Cache.MarkWritten(setup[0]);
        setup.Plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 3)]);
        using DeviceBuffer<float> large = setup.Device.Allocate<float>(OutputElements), outputs = setup.Device.Allocate<float>(
            OutputElements);
        Assert.Throws<InvalidOperationException>(() => setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, large, large));
        Assert.Throws<InvalidOperationException>(() => setup.Launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, outputs));
        using DeviceRopeTable two = new(setup.Device, RopeTable.Plain(2, 4)), three = new(setup.Device, RopeTable.Plain(3, 4));

        // Long enough in each case, and of other angles.
        using DeviceRopeTable wider = new(setup.Device, RopeTable.Plain(8, 8)), narrower = new(setup.Device, RopeTable.Plain(8, 2));
        foreach ((DeviceRopeTable table, string[] named) in new[] { (two, new[] { "3 positions", "2" }), (wider, ["dimension 4", "8"]),
            (narrower, ["dimension 4", "2"]) })
        {
            var e = Assert.Throws<ArgumentException>(
                "Rope", () => setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, large, large, new() { Rope = table }));
            Assert.All(named, part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
            Assert.Throws<ArgumentException>(
                "Rope", () => setup.Launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, outputs, new() { Rope = table }));
        }

        setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, large, large, new() { Rope = three }).Dispose();
        setup.Launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, large, outputs, new() { Rope = three }).Dispose();
        setup.Device.Queue.Finish();
    }

    [SkippableFact]
    public void ARopeTableIsOfItsNumbers()
    {
        using DeviceBuffer<float> values = fixture.Device.Upload<float>(RopeTable.Plain(3, 4).Values);
        Assert.Throws<ArgumentException>("values", () => new DeviceRopeTable(values, 3, 6));
        Assert.Throws<ArgumentException>("values", () => new DeviceRopeTable(values, 2, 4));
        Assert.Throws<ArgumentException>("rotaryDim", () => new DeviceRopeTable(values, 4, 3));
        Assert.Throws<ArgumentOutOfRangeException>("positions", () => new DeviceRopeTable(values, 0, 4));
        Assert.Equal((3, 4), (new DeviceRopeTable(values, 3, 4).Positions, new DeviceRopeTable(values, 3, 4).RotaryDim));
    }

    [SkippableFact]
    public void BeyondCapacityChangesNothing()
    {
        using Setup setup = new(fixture.Device);
        (float[] q, float[] k, float[] v, float[] o) = Step(3);
        setup.Launcher.Prefill(setup.Cache, setup[0], q, k, v, o);
        byte[] before = Contents(setup);
        var e = Assert.Throws<CacheFullException>(() => setup.Launcher.Prefill(setup.Cache, setup[0], q, k, v, o));
        Assert.Equal((setup[0], 3, 3), (e.Sequence, e.Length, e.Tokens));
        Assert.Contains($"{Capacity}", e.Message, StringComparison.Ordinal);
        Assert.Throws<CacheFullException>(() => setup.Launcher.Append(setup.Cache, setup[0], k, v));
        Assert.Equal((3, 0), (setup.Cache.GetLength(setup[0]), setup.Cache.GetLength(setup[1])));
        Assert.Equal(before, Contents(setup));
    }

    [SkippableFact]
    public void AFullCacheTakesNoMoreSequences()
    {
        using Setup setup = new(fixture.Device);
        var e = Assert.Throws<CacheFullException>(() => setup.Cache.AddSequence());
        Assert.Null(e.Sequence);
        Assert.Contains("3 sequences", e.Message, StringComparison.Ordinal);
        setup.Cache.Release(setup[1]);
        Assert.Equal(1, setup.Cache.AddSequence().Index);
        Assert.Throws<CacheFullException>(() => setup.Cache.AddSequence());

        // A handle of another cache is of no sequence here.
        using KvCache<RuntimeSpec> other = setup.Launcher.CreateCache(1, Capacity, 1);
        SequenceHandle there = other.AddSequence();
        Assert.False(setup.Cache.Contains(there));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => setup.Cache.Extend(there, 1));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => setup.Cache.Extend(default, 1));
    }

    [SkippableFact]
    public void DecodeExtendsAllSequencesOrNone()
    {
        using Setup setup = new(fixture.Device);
        (_, float[] k, float[] v, _) = Step(Capacity);
        setup.Launcher.Append(setup.Cache, setup[1], k, v);
        byte[] before = Contents(setup);
        (float[] q, float[] k2, float[] v2, float[] o) = Step(2);
        var e = Assert.Throws<CacheFullException>(() => setup.Launcher.Decode(setup.Cache, [setup[0], setup[1]], q, k2, v2, o));
        Assert.Equal(setup[1], e.Sequence);
        Assert.Equal((0, Capacity), (setup.Cache.GetLength(setup[0]), setup.Cache.GetLength(setup[1])));
        Assert.Equal(before, Contents(setup));
    }

    [SkippableFact]
    public void PlanMustBeBuiltForTheCache()
    {
        using Setup setup = new(fixture.Device);
        using KvCache<RuntimeSpec> other = setup.Launcher.CreateCache(2, Capacity, 1);
        using DeviceBuffer<float> buffer = setup.Device.Allocate<float>(OutputElements);
        Assert.Throws<ArgumentException>("plan", () => setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, buffer, buffer));
        Assert.Throws<ArgumentException>("plan", () => setup.Launcher.EnqueueAttend(setup.Plan, setup.Cache, 0, buffer, buffer));
        SequenceHandle there = other.AddSequence();
        other.Extend(there, 1);
        setup.Plan.Build(other, [new AttentionRequest(there, 1, 1)]);
        Assert.Throws<ArgumentException>("plan", () => setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, buffer, buffer));
        Assert.Throws<ArgumentNullException>("plan", () => setup.Launcher.EnqueueAppend(null!, setup.Cache, 0, buffer, buffer));
    }

    [SkippableFact]
    public void RequestsMustNameWhatTheCacheHas()
    {
        using Setup setup = new(fixture.Device);
        setup.Cache.Extend(setup[0], 3);
        foreach (AttentionRequest request in new AttentionRequest[] { new(SequenceHandle.Create(0), 1, 0), new(default, 1, 0),
            new(setup[0], 1, 4), new(setup[0], -1, 3), new(setup[0], 1, -1), new(setup[1], 1, 1), new(setup[0], 1, 1, -1) })
        {
            Assert.Throws<ArgumentException>("requests", () => setup.Plan.Build(setup.Cache, [request]));
        }
    }

    [SkippableFact]
    public void CacheArgumentsAreChecked()
    {
        using Setup setup = new(fixture.Device);
        Assert.Throws<ArgumentOutOfRangeException>("sequences", () => setup.Launcher.CreateCache(0, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>("capacity", () => setup.Launcher.CreateCache(1, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>("layers", () => setup.Launcher.CreateCache(1, 1, -1));
        Assert.Throws<ArgumentException>(() => setup.Launcher.CreateCache(1 << 16, 1 << 16, 1));
        Assert.Throws<InvalidOperationException>(() => setup.Launcher.CreatePagedCache(4, 1));
        Assert.Throws<ArgumentOutOfRangeException>("sequence", () => setup.Cache.GetLength(default));
        Assert.Throws<ArgumentOutOfRangeException>("tokens", () => setup.Cache.Extend(setup[0], -1));
        Assert.Throws<ArgumentOutOfRangeException>("length", () => setup.Cache.Truncate(setup[0], 1));
        Assert.Throws<ArgumentOutOfRangeException>("layer", () => setup.Cache.GetKeys(1));
        Assert.Throws<InvalidOperationException>(() => setup.Cache.GetKeyScales(0));
        Assert.Throws<InvalidOperationException>(() => setup.Cache.SetScales(0, [1, 1], [1, 1]));
    }

    [SkippableFact]
    public void DisposedObjectsSaySo()
    {
        using Setup setup = new(fixture.Device);
        using DeviceBuffer<float> buffer = setup.Device.Allocate<float>(OutputElements), other = setup.Device.Allocate<float>(
            OutputElements);
        DeviceBuffer<float> gone = setup.Device.Allocate<float>(OutputElements);
        gone.Dispose();
        setup.Cache.Extend(setup[0], 1);
        setup.Plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 1)]);
        Assert.Throws<ObjectDisposedException>(() => setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, gone, buffer));
        setup.Plan.Dispose();
        Assert.Contains(
            "AttentionPlan", Assert.Throws<ObjectDisposedException>(
                () => setup.Launcher.EnqueueAppend(setup.Plan, setup.Cache, 0, buffer, buffer)).ObjectName, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => setup.Plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 1)]));
        using AttentionPlan<RuntimeSpec> plan = setup.Launcher.CreatePlan();
        plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 1)]);
        setup.Cache.Dispose();
        (float[] q, float[] k, float[] v, float[] o) = Step(1);
        AttentionLauncher<RuntimeSpec, float> launcher = setup.Launcher;
        Action[] uses =
        [
            () => launcher.EnqueueAppend(plan, setup.Cache, 0, buffer, buffer), () => launcher.EnqueueAttend(
                plan, setup.Cache, 0, buffer, other),
            () => launcher.Append(setup.Cache, setup[0], k, v), () => launcher.Attend(setup.Cache, setup[0], q, o),
            () => launcher.Prefill(setup.Cache, setup[0], q, k, v, o), () => launcher.Decode(setup.Cache, [setup[0]], q, k, v, o),
        ];
        Action[] ofTheCache =
        [
            () => setup.Cache.Extend(setup[0], 1), () => setup.Cache.Truncate(setup[0], 0), () => setup.Cache.GetLength(setup[0]),
            () => setup.Cache.Contains(setup[0]),
            () => setup.Cache.MarkWritten(setup[0]), () => setup.Cache.GetKeys(0), () => setup.Cache.GetValues(0),
            () => setup.Cache.GetKeyScales(0),
            () => setup.Cache.SetScales(0, [1, 1], [1, 1]), () => plan.Build(setup.Cache, [new AttentionRequest(setup[0], 1, 1)]),
        ];
        Assert.All([.. uses, .. ofTheCache], use =>
            Assert.Contains("KvCache", Assert.Throws<ObjectDisposedException>(use).ObjectName, StringComparison.Ordinal));

        // Disposed kernels are named, and not what they have inside.
        launcher.Dispose();
        Action[] ofTheLauncher =
        [
            () => launcher.CreateCache(1, 1, 1), () => launcher.CreatePagedCache(1, 1), () => launcher.CreatePlan(),
            () => launcher.CreateBlockMask(plan),
            () => launcher.EnqueueMergeStates(new(buffer, buffer, 1, 1), other, other),
        ];
        Assert.All(
            [.. uses, .. ofTheLauncher],
            use => Assert.Equal(RuntimeSpec.Describe(Shape).Name, Assert.Throws<ObjectDisposedException>(use).ObjectName));
    }

    [SkippableFact]
    public void CacheLargerThanTheDeviceIsRefused()
    {
        using Setup setup = new(fixture.Device);
        long before = setup.Device.AllocatedBytes;
        AttentionShape wide = CaseMatrix.Shape(
            64, 64, 256, 256, AttentionMask.None, ElementType.Float32, ElementType.Float32, KvLayout.Hnd);
        using AttentionLauncher<RuntimeSpec, float> launcher = new(setup.Device, RuntimeSpec.Describe(wide));
        var e = Assert.Throws<DeviceOutOfMemoryException>(() => launcher.CreateCache(1024, 1 << 20, 1));
        Assert.Contains($"{(1L << 30) * 64 * 256 * sizeof(float)} bytes", e.Message, StringComparison.Ordinal);

        // A layer alone would fit, all of them do not: what the first ones took is given back.
        long slotBytes = 64 * 256 * sizeof(float);
        long layerBytes = Math.Min(setup.Device.Capabilities.MaxAllocationBytes, setup.Device.Capabilities.GlobalMemoryBytes / 8);
        int slots = (int)(layerBytes / slotBytes);
        Assert.Throws<DeviceOutOfMemoryException>(() =>
            launcher.CreateCache(1, slots, (int)(setup.Device.Capabilities.GlobalMemoryBytes / (slots * slotBytes)) + 1));
        Assert.Equal(before, setup.Device.AllocatedBytes);
    }

    private static (float[] Queries, float[] Keys, float[] Values, float[] Outputs) Step(int tokens)
    {
        var random = new Random(tokens);
        return (Some(QueryElements), Some(KeyElements), Some(ValueElements), new float[tokens * OutputElements]);

        float[] Some(int each) => [.. Enumerable.Range(0, tokens * each).Select(_ => random.NextSingle())];
    }

    private static byte[] Contents(Setup setup)
    {
        byte[] bytes = new byte[setup.Cache.GetKeys(0).Length + setup.Cache.GetValues(0).Length];
        int keys = (int)setup.Cache.GetKeys(0).Length;
        setup.Device.Queue.Read(setup.Cache.GetKeys(0), bytes.AsSpan(0, keys));
        setup.Device.Queue.Read(setup.Cache.GetValues(0), bytes.AsSpan(keys));
        return bytes;
    }

    /// <summary>A launcher with a cache of three sequences and a plan that is not built yet.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly SequenceHandle[] sequences;

        public Setup(ComputeDevice device, AttentionShape? shape = null)
        {
            Device = device;
            Launcher = new(device, RuntimeSpec.Describe(shape ?? Shape));
            Cache = Launcher.CreateCache(3, Capacity, 1);
            sequences = Cache.AddSequences(3);
            Plan = Launcher.CreatePlan();
            foreach (DeviceBuffer<byte> buffer in new[] { Cache.GetKeys(0), Cache.GetValues(0) })
            {
                device.Queue.EnqueueFill(buffer, (byte)0, 0, buffer.Length).Dispose();
            }
        }

        /// <summary>The sequence that has a place.</summary>
        public SequenceHandle this[int place] => sequences[place];

        public ComputeDevice Device { get; }

        public AttentionLauncher<RuntimeSpec, float> Launcher { get; }

        public KvCache<RuntimeSpec> Cache { get; }

        public AttentionPlan<RuntimeSpec> Plan { get; }

        public void Dispose()
        {
            Plan.Dispose();
            Cache.Dispose();
            Launcher.Dispose();
        }
    }
}
