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

    // (s_q, s_k): prompts, chunks, single tokens, empty ones and queries before the first key in one launch; then decode with keys that are split.
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
        using var attention = new CappedSlopes(fixture.Device, target) { Inputs = new(onDevice, 4.5f) };
        Check(GeneratedKernels.Contiguous<CappedSlopes, float>(attention), CappedSlopes.Descriptor, split, new()
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
        using var attention = new PackedDocuments(fixture.Device, target) { Inputs = new(deviceStarts, deviceDocuments) };
        Check(GeneratedKernels.Paged<PackedDocuments, Half>(attention), PackedDocuments.Descriptor, split, new()
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
        using var attention = new GuardedTable(fixture.Device, target) { Inputs = new(onDevice, table.Length, 0.75f) };
        Check(GeneratedKernels.Contiguous<GuardedTable, BFloat16>(attention), GuardedTable.Descriptor, split, new()
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
        using var attention = new BucketedBias(fixture.Device, target) { Inputs = new(onDevice, Levels) };
        Check(GeneratedKernels.Contiguous<BucketedBias, float>(attention), BucketedBias.Descriptor, split, new()
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
        using var attention = new WindowAndDecay(fixture.Device, target) { Inputs = new(Window, deviceRates, deviceGlobals) };
        Check(GeneratedKernels.Paged<WindowAndDecay, Half>(attention), WindowAndDecay.Descriptor, split, new()
        {
            ScoreMod = (score, batch, head, query, key) => WindowAndDecay.Decay(score, batch, head, query, key, Window, rates),
            MaskMod = (batch, head, query, key) => WindowAndDecay.Visible(batch, head, query, key, globals, Window),
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Launches))]
    public void Mods_on_top_of_every_option(KernelTarget target, bool split)
    {
        using var attention = new EverythingAtOnce(fixture.Device, target) { Inputs = new(0.4f) };
        Check(GeneratedKernels.Paged<EverythingAtOnce, float>(attention, inputs => attention.Sinks = inputs.Sinks), EverythingAtOnce.Descriptor, split, new()
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
        Check(GeneratedKernels.Contiguous<HeadParity, float>(attention), HeadParity.Descriptor, split, new() { ScoreMod = HeadParity.Scaled, MaskMod = HeadParity.Same });
    }

    [SkippableFact]
    public void A_launch_without_the_inputs_says_what_is_missing()
    {
        using var attention = new CappedSlopes(fixture.Device);
        using KvCache<CappedSlopes> cache = attention.CreateCache(1, 4);
        float[] token = new float[2 * 64], queries = new float[8 * 64], outputs = new float[8 * 64];
        var e = Assert.Throws<InvalidOperationException>(() => attention.Prefill(cache, 0, queries, token, token, outputs));
        Assert.Contains("Inputs", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, cache.Length(0));
        Assert.Throws<ArgumentNullException>(() => new CappedSlopes.ModInputs(null!, 1));
    }

    private static void Check<TSelf, T>(GeneratedKernels<TSelf, T> kernels, AttentionDescriptor descriptor, bool split, ReferenceOptions mods)
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
