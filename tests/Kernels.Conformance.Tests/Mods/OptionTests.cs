using Kernels.OpenCL;

namespace Kernels.Conformance.Tests.Mods;

/// <summary>
/// What an option of the attribute does, a mod can say too, and both calculate the same. All but sinks: they change the denominator, and a
/// mod sees one score at a time.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class OptionTests(DeviceFixture fixture)
{
    private const int Prompt = 83;

    // No more queries than keys: a mod sees no position below 0, so there it is told another one than an option is.
    private static readonly (int, int)[] Lengths = [(60, 60), (21, 140), (1, 33), (1, 1), (3, 17)];

    public static TheoryData<KernelTarget> Targets => [KernelTarget.Cpu, KernelTarget.Portable];

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Causal(KernelTarget target)
    {
        using var option = new CausalOption(fixture.Device, target);
        using var mod = new CausalMod(fixture.Device, target);
        Agree<CausalOption, CausalMod>(target, option, mod);
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Window_to_the_left(KernelTarget target)
    {
        using var option = new LeftWindowOption(fixture.Device, target);
        using var mod = new LeftWindowMod(fixture.Device, target);
        Agree<LeftWindowOption, LeftWindowMod>(target, option, mod, new LeftWindowMod.Inputs { Left = 13 });
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Window_to_both_sides(KernelTarget target)
    {
        using var option = new WindowOption(fixture.Device, target);
        using var mod = new WindowMod(fixture.Device, target);
        Agree<WindowOption, WindowMod>(target, option, mod, new WindowMod.Inputs { Left = 9, Right = 5 });
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Prefix(KernelTarget target)
    {
        const int Prefix = 19;
        using DeviceBuffer<int> prefixes = fixture.Device.Upload<int>([.. Lengths.Select(_ => Prefix)]);
        using var option = new PrefixOption(fixture.Device, target);
        using var mod = new PrefixMod(fixture.Device, target);
        AgreeOnInputs<PrefixOption, PrefixMod>(option, _ => default, mod, _ => new PrefixMod.Inputs { Prefixes = prefixes }, Prefix);
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Softcap(KernelTarget target)
    {
        using var option = new SoftcapOption(fixture.Device, target);
        using var mod = new SoftcapMod(fixture.Device, target);
        Agree<SoftcapOption, SoftcapMod>(target, option, mod, new SoftcapMod.Inputs { Cap = 2 });
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Alibi(KernelTarget target)
    {
        using DeviceBuffer<float> slopes = fixture.Device.Upload<float>(
            [.. Enumerable.Range(0, 6).Select(head => (float)ReferenceAttention.GetAlibiSlope(head, 6))]);
        using var option = new AlibiOption(fixture.Device, target);
        using var mod = new AlibiMod(fixture.Device, target);
        Agree<AlibiOption, AlibiMod>(target, option, mod, new AlibiMod.Inputs { Slopes = slopes });
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Documents(KernelTarget target)
    {
        using DeviceBuffer<int> starts = fixture.Device.Upload<int>([.. Lengths.Select((_, i) => Lengths.Take(i).Sum(pair => pair.Item2))]);
        using var option = new DocumentsOption(fixture.Device, target);
        using var mod = new DocumentsMod(fixture.Device, target);
        AgreeOnInputs<DocumentsOption, DocumentsMod>(
            option, inputs => new DocumentsOption.Inputs { Documents = inputs.Documents! },
            mod, inputs => new DocumentsMod.Inputs { Documents = inputs.Documents!, Starts = starts });
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Key_padding(KernelTarget target)
    {
        DeviceBuffer<int>? visible = null;
        using var option = new KeyPaddingOption(fixture.Device, target);
        using var mod = new KeyPaddingMod(fixture.Device, target);
        AgreeOnInputs<KeyPaddingOption, KeyPaddingMod>(
            option, inputs => new KeyPaddingOption.Inputs { KeyPadding = inputs.KeyPadding! }, mod, inputs =>
        {
            // A mod's buffers are of int or float.
            byte[] bytes = new byte[inputs.KeyPadding!.Values.Length];
            fixture.Device.Queue.Read(inputs.KeyPadding.Values, bytes.AsSpan());
            visible = fixture.Device.Upload<int>([.. bytes.Select(seen => (int)seen)]);
            return new KeyPaddingMod.Inputs { Visible = visible, Columns = inputs.KeyPadding.Keys };
        });
        visible!.Dispose();
    }

    [SkippableTheory]
    [MemberData(nameof(Targets))]
    public void Bias(KernelTarget target)
    {
        using DeviceBuffer<int> firsts = fixture.Device.Upload<int>([.. Lengths.Select(pair => pair.Item2 - pair.Item1)]);
        using var option = new BiasOption(fixture.Device, target);
        using var mod = new BiasMod(fixture.Device, target);
        AgreeOnInputs<BiasOption, BiasMod>(
            option, inputs => new BiasOption.Inputs { Bias = inputs.Bias! },
            mod, inputs => new BiasMod.Inputs
            {
                Bias = inputs.Bias!.Values,
                Firsts = firsts,
                Rows = inputs.Bias.Queries,
                Columns = inputs.Bias.Keys,
            });
    }

    /// <summary>
    /// An option and a mod give what the reference gives for the option, from inputs that both are given at launch, and the same up to
    /// rounding.
    /// </summary>
    private static void AgreeOnInputs<TOption, TMod>(
        TOption option, Func<AttentionInputs, AttentionInputs> ofOption, TMod mod, Func<AttentionInputs, AttentionInputs> ofMod,
        int prefix = 0)
        where TOption : IContiguousAttention<TOption, float>
        where TMod : IContiguousAttention<TMod, float>
    {
        // By its seed a bias has every axis of its own.
        var test = new AttentionCase(TOption.Descriptor.Shape, Lengths, Seed: 8, PrefixLength: prefix);
        double[] expected = Outputs(GeneratedKernels.Contiguous<TOption, float>(option, ofOption));
        double[] actual = Outputs(GeneratedKernels.Contiguous<TMod, float>(mod, ofMod));
        Assert.InRange(Tolerance.Error(ElementType.Float32, actual, expected, []), 0, 1);

        double[] Outputs<TSelf>(GeneratedKernels<TSelf, float> kernels) where TSelf : IAttention<TSelf, float>
        {
            using var loaded = new LoadedCase<TSelf, float>(test, kernels, new ReferenceOptions());
            loaded.Plan();
            Launched<float> launched = loaded.Launch();
            Assert.Null(loaded.Compare(launched).Failure);
            return Wide(launched.Outputs);
        }
    }

    private static void Agree<TOption, TMod>(KernelTarget target, TOption option, TMod mod, AttentionInputs inputs = default)
        where TOption : IContiguousAttention<TOption, float>
        where TMod : IContiguousAttention<TMod, float>
    {
        AttentionShape shape = TOption.Descriptor.Shape;

        // The mod's kernels give what the reference gives for the option, over a ragged batch.
        Assert.Null(
            CaseRunner.Run(
                new AttentionCase(shape, Lengths, Seed: 5), GeneratedKernels.Contiguous<TMod, float>(mod, _ => inputs), new()).Failure);
        if (target == KernelTarget.Portable)
        {
            // Slow to build on a CPU, and the matrix holds the option to the same reference.
            return;
        }

        (double[] prompt, double[] step) = Outputs<TOption>(option);
        (double[] modPrompt, double[] modStep) = Outputs<TMod>(mod, inputs);
        Assert.InRange(Tolerance.Error(ElementType.Float32, modPrompt, prompt, []), 0, 1);
        Assert.InRange(Tolerance.Error(ElementType.Float32, modStep, step, []), 0, 1);

        // The comparison can tell the option from none at all.
        double[] plain = new double[prompt.Length];
        (float[] queries, float[] keys, float[] values) = Inputs(shape, Prompt);
        ReferenceAttention.Compute(
            shape with
            {
                Mask = AttentionMask.None,
                WindowLeft = null,
                WindowRight = null,
                Softcap = null,
                Alibi = false,
            }, Wide(queries), Wide(keys), Wide(values), plain);
        Assert.True(Tolerance.Error(ElementType.Float32, prompt, plain, []) > 100);
    }

    /// <summary>A prompt and one token more, through the methods on spans.</summary>
    private static (double[] Prompt, double[] Step) Outputs<TSelf>(TSelf attention, AttentionInputs inputs = default)
        where TSelf : IContiguousAttention<TSelf, float>
    {
        AttentionShape shape = TSelf.Descriptor.Shape;
        using KvCache<TSelf> cache = attention.CreateCache(1, Prompt + 1);
        SequenceHandle[] s = cache.AddSequences(1);
        (float[] queries, float[] keys, float[] values) = Inputs(shape, Prompt);
        float[] prompt = new float[Prompt * shape.QueryHeads * shape.ValueDim], step = new float[shape.QueryHeads * shape.ValueDim];
        attention.Prefill(cache, s[0], queries, keys, values, prompt, inputs);
        (queries, keys, values) = Inputs(shape, 1);
        attention.Decode(cache, [s[0]], queries, keys, values, step, inputs);
        return (Wide(prompt), Wide(step));
    }

    private static (float[] Queries, float[] Keys, float[] Values) Inputs(AttentionShape shape, int tokens)
    {
        var random = new Random(tokens);
        return (Rows(shape.QueryHeads * shape.HeadDim), Rows(shape.KvHeads * shape.HeadDim), Rows(shape.KvHeads * shape.ValueDim));

        float[] Rows(int each) => [.. Enumerable.Range(0, tokens * each).Select(_ => (4 * random.NextSingle()) - 2)];
    }

    private static double[] Wide(float[] data) => Array.ConvertAll(data, x => (double)x);
}
