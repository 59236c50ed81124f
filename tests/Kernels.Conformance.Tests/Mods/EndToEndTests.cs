using Kernels.OpenCL;

namespace Kernels.Conformance.Tests.Mods;

/// <summary>
/// User's types with mods, from C# to the device: generated kernels, launched through generated bindings, against the
/// reference that calls the very same methods.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class EndToEndTests(DeviceFixture fixture)
{
    private const int Longest = 4000;

    // (s_q, s_k): prompts, chunks, single tokens, empty ones and queries before the first key in one launch; then decode with keys that are
    // split.
    private static readonly (int, int)[] Ragged = [(70, 70), (33, 129), (1, 5), (0, 3), (4, 0), (19, 7), (1, 1), (1, 140)];
    private static readonly (int, int)[] Split = [(1, Longest), (1, 37), (2, 900)];

    private readonly Random random = new(17);

    public static TheoryData<KernelTarget, bool> Launches => new()
    {
        { KernelTarget.Cpu, false }, { KernelTarget.Cpu, true }, { KernelTarget.Portable, false }, { KernelTarget.Portable, true },
    };

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Score_mod_with_a_scalar_and_a_buffer(KernelTarget target, bool split)
    {
        float[] slopes = Floats(8, 0.2f);
        using DeviceBuffer<float> onDevice = fixture.Device.Upload<float>(slopes);
        using var attention = new CappedSlopes(fixture.Device, target);
        Check(
            GeneratedKernels.Contiguous<CappedSlopes, float>(attention, _ => new CappedSlopes.Inputs { Slopes = onDevice, Cap = 4.5f }),
            CappedSlopes.Descriptor, split, new()
        {
            ScoreMod = (score, batch, head, query, key) => CappedSlopes.Relative(score, batch, head, query, key, slopes, 4.5f),
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Mask_mod_on_int_buffers(KernelTarget target, bool split)
    {
        int[] starts = [.. Enumerable.Range(0, Ragged.Length).Select(batch => 3 * batch)];
        int[] documents = [.. Enumerable.Range(0, Longest + (3 * Ragged.Length)).Select(token => token / 29)];
        using DeviceBuffer<int> deviceStarts = fixture.Device.Upload<int>(starts), deviceDocuments = fixture.Device.Upload<int>(documents);
        using var attention = new PackedDocuments(fixture.Device, target);
        Check(
            GeneratedKernels.Paged<PackedDocuments, Half>(
                attention, _ => new PackedDocuments.Inputs
                {
                    Starts = deviceStarts,
                    Documents = deviceDocuments,
                }), PackedDocuments.Descriptor, split, new()
        {
            MaskMod = (batch, head, query, key) => PackedDocuments.Visible(batch, head, query, key, starts, documents),
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Gathers_under_conditions(KernelTarget target, bool split)
    {
        float[] table = Floats(50, 2);
        using DeviceBuffer<float> onDevice = fixture.Device.Upload<float>(table);
        using var attention = new GuardedTable(fixture.Device, target);
        Check(
            GeneratedKernels.Contiguous<GuardedTable, BFloat16>(
                attention, _ => new GuardedTable.Inputs
                {
                    Table = onDevice,
                    Length = table.Length,
                    Strength = 0.75f,
                }), GuardedTable.Descriptor, split, new()
        {
            ScoreMod = (score, batch, head, query, key) => GuardedTable.Biased(score, batch, head, query, key, table, table.Length, 0.75f),
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Helpers_and_loops(KernelTarget target, bool split)
    {
        const int Levels = 8;
        float[] bias = Floats(5 * (Levels + 1), 1.5f);
        using DeviceBuffer<float> onDevice = fixture.Device.Upload<float>(bias);
        using var attention = new BucketedBias(fixture.Device, target);
        Check(
            GeneratedKernels.Contiguous<BucketedBias, float>(attention, _ => new BucketedBias.Inputs { Bias = onDevice, Levels = Levels }),
            BucketedBias.Descriptor, split, new()
        {
            ScoreMod = (score, batch, head, query, key) => BucketedBias.Biased(score, batch, head, query, key, bias, Levels),
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Both_mods_with_a_shared_input(KernelTarget target, bool split)
    {
        const int Window = 41;
        float[] rates = Floats(6, 1);
        int[] globals = [.. Enumerable.Range(0, Longest).Select(key => key % 50 == 0 ? 1 : 0)];
        using DeviceBuffer<float> deviceRates = fixture.Device.Upload<float>(rates);
        using DeviceBuffer<int> deviceGlobals = fixture.Device.Upload<int>(globals);
        using var attention = new WindowAndDecay(fixture.Device, target);
        Check(
            GeneratedKernels.Paged<WindowAndDecay, Half>(
                attention, _ => new WindowAndDecay.Inputs
                {
                    Window = Window,
                    Rates = deviceRates,
                    Globals = deviceGlobals,
                }), WindowAndDecay.Descriptor, split, new()
        {
            ScoreMod = (score, batch, head, query, key) => WindowAndDecay.Decay(score, batch, head, query, key, Window, rates),
            MaskMod = (batch, head, query, key) => WindowAndDecay.Visible(batch, head, query, key, globals, Window),
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Mods_on_top_of_every_option(KernelTarget target, bool split)
    {
        using var attention = new EverythingAtOnce(fixture.Device, target);
        Check(
            GeneratedKernels.Paged<EverythingAtOnce, float>(
                attention, inputs => new EverythingAtOnce.Inputs
                {
                    Sinks = inputs.Sinks!,
                    Tilt = 0.4f,
                }), EverythingAtOnce.Descriptor, split, new()
        {
            ScoreMod = (score, batch, head, query, key) => EverythingAtOnce.Tilted(score, batch, head, query, key, 0.4f),
            MaskMod = EverythingAtOnce.Strided,
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Mods_without_inputs(KernelTarget target, bool split)
    {
        using var attention = new HeadParity(fixture.Device, target);
        Check(
            GeneratedKernels.Contiguous<HeadParity, float>(attention), HeadParity.Descriptor, split, new()
            {
                ScoreMod = HeadParity.Scaled,
                MaskMod = HeadParity.Same,
            });
    }

    [SkippableFact]
    public void A_launch_without_the_inputs_says_what_is_missing()
    {
        using var attention = new CappedSlopes(fixture.Device);
        using KvCache<CappedSlopes> cache = attention.CreateCache(1, 4);
        SequenceHandle[] s = cache.AddSequences(1);
        float[] token = new float[2 * 64], queries = new float[8 * 64], outputs = new float[8 * 64];
        IAttention<CappedSlopes, float> ofAnySpec = attention;
        var e = Assert.Throws<InvalidOperationException>(() => ofAnySpec.Prefill(cache, s[0], queries, token, token, outputs));
        Assert.Contains("Inputs", e.Message, StringComparison.Ordinal);
        using DeviceBuffer<float> table = fixture.Device.Allocate<float>(8);
        AttentionInputs others = new GuardedTable.Inputs { Table = table, Length = 8, Strength = 1 };
        Assert.Contains(
            nameof(CappedSlopes),
            Assert.Throws<ArgumentException>("Mods", () => ofAnySpec.Prefill(cache, s[0], queries, token, token, outputs, others)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentNullException>("inputs", () => attention.Prefill(cache, s[0], queries, token, token, outputs, null!));
        Assert.Equal(0, cache.GetLength(s[0]));
        Assert.Throws<ArgumentNullException>("Slopes", () => new CappedSlopes.Inputs { Slopes = null!, Cap = 1 });
    }

    /// <summary>Nothing of a launch's inputs stays: two threads with slopes of their own, on one attention object.</summary>
    [SkippableFact]
    public void Launches_side_by_side_have_their_own_inputs()
    {
        const int Tokens = 5, Rounds = 40;
        using var attention = new CappedSlopes(fixture.Device);
        float[] queries = Floats(Tokens * CappedSlopes.QueryHeads * CappedSlopes.HeadDim, 1);
        float[] keys = Floats(Tokens * CappedSlopes.KvHeads * CappedSlopes.HeadDim, 1),
            values = Floats(Tokens * CappedSlopes.KvHeads * CappedSlopes.ValueDim, 1);
        using var start = new Barrier(2);
        float[][] slopes = [Floats(8, 0.2f), Floats(8, 3f)];
        float[] caps = [4.5f, 20f];
        float[][] expected = [.. Enumerable.Range(0, 2).Select(Expected)];
        Assert.True(expected[0].Zip(expected[1]).Max(pair => Math.Abs(pair.First - pair.Second)) > 0.1);
        Parallel.Invoke(() => Launch(0), () => Launch(1));

        void Launch(int thread)
        {
            using KvCache<CappedSlopes> cache = attention.CreateCache(1, Tokens);
            SequenceHandle[] s = cache.AddSequences(1);
            using AttentionPlan<CappedSlopes> plan = attention.CreatePlan();
            using DeviceBuffer<float> slopesOfThread = fixture.Device.Upload<float>(slopes[thread]),
                q = fixture.Device.Upload<float>(queries);
            using DeviceBuffer<float> k = fixture.Device.Upload<float>(keys), v = fixture.Device.Upload<float>(values),
                o = fixture.Device.Allocate<float>(expected[thread].Length);
            var inputs = new CappedSlopes.Inputs { Slopes = slopesOfThread, Cap = caps[thread] };
            float[] outputs = new float[expected[thread].Length];
            cache.Extend(s[0], Tokens);
            plan.Build(cache, [new(s[0], Tokens, Tokens)]);
            attention.SubmitAppend(plan, cache, 0, k, v);
            start.SignalAndWait();
            for (int round = 0; round < Rounds; round++)
            {
                if (round % 2 == 0)
                {
                    attention.EnqueueAttend(plan, cache, 0, q, o, inputs).Dispose();
                    fixture.Device.Queue.Read(o, outputs.AsSpan());
                }
                else
                {
                    attention.Attend(cache, s[0], queries, outputs, inputs);
                }

                Assert.All(outputs.Zip(expected[thread]), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
            }
        }

        float[] Expected(int thread) =>
            Array.ConvertAll(
                CappedSlopes.Reference(queries, keys, values, new() { Slopes = slopes[thread], Cap = caps[thread] }), x => (float)x);
    }

    /// <summary>The reference of a type has its mods bound and its options' inputs, and gives LSEs where they are wanted.</summary>
    [SkippableFact]
    public void The_types_reference_is_what_its_kernels_give()
    {
        const int Tokens = 37;
        using var attention = new EverythingAtOnce(fixture.Device);
        using PagedKvCache<EverythingAtOnce> cache = attention.CreateCache(8);
        using AttentionPlan<EverythingAtOnce> plan = attention.CreatePlan();
        float[] queries = Floats(Tokens * EverythingAtOnce.QueryHeads * EverythingAtOnce.HeadDim, 1),
            sinks = Floats(EverythingAtOnce.QueryHeads, 1);
        float[] keys = Floats(Tokens * EverythingAtOnce.KvHeads * EverythingAtOnce.HeadDim, 1),
            values = Floats(Tokens * EverythingAtOnce.KvHeads * EverythingAtOnce.ValueDim, 1);
        using DeviceBuffer<float> q = fixture.Device.Upload<float>(queries), k = fixture.Device.Upload<float>(keys),
            v = fixture.Device.Upload<float>(values);
        using DeviceBuffer<float> s = fixture.Device.Upload<float>(sinks), o = fixture.Device.Allocate<float>(
            Tokens * EverythingAtOnce.QueryHeads * EverythingAtOnce.ValueDim);
        using DeviceBuffer<float> lse = fixture.Device.Allocate<float>(Tokens * EverythingAtOnce.QueryHeads);
        SequenceHandle sequence = cache.AddSequence();
        cache.Extend(sequence, Tokens);
        plan.Build(cache, [new(sequence, Tokens)]);
        attention.SubmitAppend(plan, cache, 0, k, v);
        attention.SubmitAttend(plan, cache, 0, q, o, new() { Sinks = s, Tilt = 0.4f }, lse);
        float[] outputs = new float[o.Length], logs = new float[lse.Length];
        fixture.Device.Queue.Read(o, outputs.AsSpan());
        fixture.Device.Queue.Read(lse, logs.AsSpan());

        double[] expectedLogs = new double[logs.Length];
        double[] expected = EverythingAtOnce.Reference(queries, keys, values, new() { Sinks = sinks, Tilt = 0.4f }, expectedLogs);
        Assert.Equal(expected, EverythingAtOnce.Reference(queries, keys, values, new() { Sinks = sinks, Tilt = 0.4f }));
        Assert.NotEqual(expected, EverythingAtOnce.Reference(queries, keys, values, new() { Sinks = sinks, Tilt = 0.5f }));
        Assert.All(outputs.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
        Assert.All(logs.Zip(expectedLogs), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
        Assert.Throws<ArgumentException>(
            "lse", () => EverythingAtOnce.Reference(
                queries, keys, values, new() { Sinks = sinks, Tilt = 0.4f }, new double[logs.Length - 1]));
    }

    private static void Check<TSelf, T>(
        GeneratedKernels<TSelf, T> kernels, AttentionDescriptor descriptor, bool split, ReferenceOptions mods)
        where TSelf : IAttention<TSelf, T>
        where T : unmanaged
    {
        CaseResult result = CaseRunner.Run(new AttentionCase(descriptor.Shape, split ? Split : Ragged, Seed: 23), kernels, mods);
        Assert.True(result.Failure is null, result.Failure);
        Assert.Equal((split ? Split : Ragged).Sum(pair => pair.Item1) * descriptor.Shape.QueryHeads, result.Rows);
        Assert.True(!split || kernels.MergedRows > 0, "no keys were split");
    }

    private float[] Floats(int count, float size) => [.. Enumerable.Range(0, count).Select(_ => size * ((2 * random.NextSingle()) - 1))];
}
