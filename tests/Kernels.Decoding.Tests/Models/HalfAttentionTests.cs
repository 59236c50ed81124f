using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

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
        AssertClose(number, "llama-gqa", ElementType.Float16, CacheKind.Paged, MlaForm.Auto, HalfTolerance);
        AssertClose(number, "llama-gqa", ElementType.BFloat16, CacheKind.Paged, MlaForm.Auto, BFloatTolerance);
    }

    [SkippableTheory]
    [InlineData(MlaForm.Auto)]
    [InlineData(MlaForm.Absorbed)]
    [InlineData(MlaForm.Expanded)]
    internal void Latents(MlaForm form)
    {
        AssertClose(Devices.All[0], "deepseek-v3-mla", ElementType.Float16, CacheKind.Contiguous, form, HalfTolerance);
        AssertClose(Devices.All[0], "deepseek-v3-mla", ElementType.BFloat16, CacheKind.Contiguous, form, BFloatTolerance);
    }

    private void AssertClose(int number, string model, ElementType type, CacheKind cache, MlaForm form, double tolerance) => AssertClose(
        number, model, AttentionCatalog.With(cache, form, type: ElementType.Float32), AttentionCatalog.With(cache, form, type: type),
        tolerance);

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
