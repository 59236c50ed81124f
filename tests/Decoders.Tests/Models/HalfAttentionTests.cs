using Kernels;
using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

/// <summary>Decoders whose attention takes and gives 16-bit numbers, against the same in float32.</summary>
[Collection(DeviceCollection.Name)]
public sealed class HalfAttentionTests(Devices devices)
{
    private const int Vocabulary = 256;

    // A prompt, then tokens one by one.
    private static readonly int[] Steps = [21, 1, 1, 7];

    // Of the greatest logit.
    private const double HalfTolerance = 5e-3, BFloatTolerance = 4e-2;

    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void GroupedHeads(int number)
    {
        AssertGroupedHeads<HalfLlama, Half>(number, HalfTolerance);
        AssertGroupedHeads<BFloatLlama, BFloat16>(number, BFloatTolerance);
    }

    [SkippableTheory]
    [InlineData(MlaForm.Auto)]
    [InlineData(MlaForm.Absorbed)]
    [InlineData(MlaForm.Expanded)]
    public void Latents(MlaForm form)
    {
        AssertLatents<HalfLatents, HalfExpanded, Half>(form, HalfTolerance);
        AssertLatents<BFloatLatents, BFloatExpanded, BFloat16>(form, BFloatTolerance);
    }

    private void AssertGroupedHeads<TLlama, TElement>(int number, double tolerance)
        where TLlama : class, IPagedAttention<TLlama, TElement>
        where TElement : unmanaged => AssertClose(
        number,
        "llama-gqa",
        AttentionRegistry.With(CacheKind.Paged),
        (device, config, sequences, capacity) => new LayeredAttention(
            [.. config.Layers.Select(layer => layer.Attention)],
            (_, layers) => new GeneratedAttention<TLlama, TElement>(TLlama.Create(device), attention => attention.CreateCache(8, layers), sequences, capacity),
            "as this test has it"),
        tolerance);

    private void AssertLatents<TLatents, TExpanded, TElement>(MlaForm form, double tolerance)
        where TLatents : class, IContiguousAttention<TLatents, TElement>
        where TExpanded : class, IContiguousAttention<TExpanded, TElement>
        where TElement : unmanaged => AssertClose(
        Devices.All.First(),
        "deepseek-v3-mla",
        AttentionRegistry.With(CacheKind.Contiguous, form),
        (device, config, sequences, capacity) => new LatentAttention(
            device,
            config.Latent!,
            form,
            expandFrom: null,
            form == MlaForm.Expanded
                ? Contiguous<TExpanded, TElement>(device, sequences, capacity, config.Layers.Length)
                : Contiguous<TLatents, TElement>(device, sequences, capacity, config.Layers.Length),
            (count, longest) => Contiguous<TExpanded, TElement>(device, count, longest, layers: 1)),
        tolerance);

    private static GeneratedAttention<TAttention, TElement> Contiguous<TAttention, TElement>(ComputeDevice device, int sequences, int capacity, int layers)
        where TAttention : class, IContiguousAttention<TAttention, TElement>
        where TElement : unmanaged =>
        new(TAttention.Create(device), attention => attention.CreateCache(sequences, capacity, layers), sequences, capacity);

    private void AssertClose(int number, string model, AttentionFactory inFloat, AttentionFactory inHalf, double tolerance)
    {
        ComputeDevice device = devices.Open(number);
        float[] expected = Logits(device, model, inFloat);
        float[] actual = Logits(device, model, inHalf);

        float greatest = expected.Max(MathF.Abs);
        float difference = Enumerable.Range(0, expected.Length).Max(i => MathF.Abs(expected[i] - actual[i]));
        Assert.InRange(difference, 1e-6 * greatest, tolerance * greatest);
    }

    private static float[] Logits(ComputeDevice device, string model, AttentionFactory attention)
    {
        using Decoder decoder = Decoder.Load(device, TestData.Folder(model), sequences: 2, capacity: 48, attention);
        var random = new Random(7);
        var logits = new List<float>();
        foreach (int tokens in Steps)
        {
            int[] both = [.. Enumerable.Range(0, 2 * tokens).Select(_ => random.Next(Vocabulary))];
            var step = new float[both.Length * Vocabulary];
            decoder.Forward(both, [(1, tokens), (0, tokens)], LogitRows.All, step);
            logits.AddRange(step);
        }

        return [.. logits];
    }
}
