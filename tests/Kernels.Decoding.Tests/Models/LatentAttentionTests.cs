using System.Collections.Immutable;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Latent attention in each of its forms.</summary>
[Collection(DeviceCollection.Name)]
public sealed class LatentAttentionTests(Devices devices)
{
    public static IEnumerable<object[]> DevicesAndForms
    {
        get
        {
            var rows = new TheoryData<int, string, CacheKind, MlaForm>();
            foreach (int number in Devices.All)
            {
                foreach (MlaForm form in (MlaForm[])[MlaForm.Absorbed, MlaForm.Expanded])
                {
                    rows.Add(number, "deepseek-v2-mla", CacheKind.Contiguous, form);
                    rows.Add(number, "deepseek-v3-mla", CacheKind.Paged, form);
                    rows.Add(number, "deepseek-v3-mla-yarn", CacheKind.Contiguous, form);
                    rows.Add(number, "deepseek-v3-mla-yarn", CacheKind.Paged, form);
                    rows.Add(number, "deepseek-v3-mla-moe", CacheKind.Contiguous, form);
                }
            }

            return rows;
        }
    }

    /// <summary>The forms that <see cref="MlaForm.Auto"/> is put together from, each for all steps.</summary>
    [SkippableTheory]
    [MemberData(nameof(DevicesAndForms))]
    internal void EitherFormAgreesWithTransformers(int number, string name, CacheKind cache, MlaForm form)
    {
        ComputeDevice device = devices.Open(number);
        using Decoder decoder = Decoder.Load(
            device, TestData.Folder(name), sequences: 1, capacity: 104, AttentionCatalog.With(cache, form));
        CheckpointTests.AssertAgrees(decoder, name);
        Assert.Equal(form == MlaForm.Expanded, decoder.Latent!.AbsorbedTokens == 0);
        Assert.Equal(form == MlaForm.Absorbed, decoder.Latent.ExpandedTokens == 0);
    }

    [SkippableTheory]
    [InlineData(CacheKind.Contiguous, MlaForm.Auto)]
    [InlineData(CacheKind.Paged, MlaForm.Absorbed)]
    [InlineData(CacheKind.Contiguous, MlaForm.Expanded)]
    internal void AgreesWithTransformersOnStories(CacheKind cache, MlaForm form)
    {
        ComputeDevice device = devices.OpenFirst();
        string folder = TestData.Folder("stories-mla");
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        ImmutableArray<ReferencePrompt> prompts = Verifier.ReadGreedy(Path.Combine(folder, "greedy.json"), tokenizer);
        using Decoder decoder = Decoder.Load(device, folder, sequences: 1, capacity: 256, AttentionCatalog.With(cache, form));
        Assert.Equal(28, prompts.Length);

        // All of them in the form that is the default; else a few, one of them long.
        foreach (ReferencePrompt prompt in form == MlaForm.Auto ? prompts : [.. prompts[..6], prompts[^1]])
        {
            PromptResult result = Verifier.Run(decoder, prompt, PromptForm.Prefill, tokenizer);
            Assert.Equal(prompt.Greedy.Length, result.GreedyAgreed);
            Assert.True(result.TextAgreed);
        }
    }

    /// <summary>
    /// Dimensions without a common divisor, biases, groups of experts, half-split rope: each form against the definition.
    /// </summary>
    [SkippableTheory]
    [InlineData("deepseek_v2", MlaForm.Absorbed)]
    [InlineData("deepseek_v2", MlaForm.Expanded)]
    [InlineData("deepseek_v3", MlaForm.Absorbed)]
    [InlineData("deepseek_v3", MlaForm.Expanded)]
    [InlineData("deepseek_v2", MlaForm.Auto)]
    [InlineData("deepseek_v3", MlaForm.Auto)]
    internal void EitherFormAgreesWithTheDefinition(string modelType, MlaForm form)
    {
        ComputeDevice device = devices.OpenFirst();
        var model = new RandomDecoder(modelType, "F32", Bias: true, Tied: false);
        using var folder = new TemporaryFolder();
        model.Write(folder);
        using Decoder decoder = Decoder.Load(
            device, folder.Path, 1, 16, (d, config, sequences, capacity) => DecoderTests.CreateReference(
                d, config, sequences, capacity, form, expandFrom: 3));
        int[] tokens = [0, 36, 5, 5, 17, 1, 30, 2];
        var logits = new float[tokens.Length * RandomDecoder.Vocabulary];
        decoder.Forward(0, tokens.AsSpan(0, 5), LogitRows.All, logits.AsSpan(0, 5 * RandomDecoder.Vocabulary));
        decoder.Forward(0, tokens.AsSpan(5), LogitRows.All, logits.AsSpan(5 * RandomDecoder.Vocabulary));

        double[] expected = new DecoderDefinition(model).Logits(tokens);
        double greatest = expected.Max(Math.Abs);
        Assert.All(Enumerable.Range(0, logits.Length), i => Assert.Equal(expected[i], logits[i], tolerance: 1e-5 * Math.Max(10, greatest)));
    }

    /// <summary>
    /// Requests that begin with more than a token run expanded beside others that do not; the cache holds latents all the same.
    /// </summary>
    [SkippableFact]
    public void ChoosesTheFormByTheRequest()
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder decoder = Decoder.Load(
            device, TestData.Folder("deepseek-v3-mla"), sequences: 3, capacity: 64, AttentionCatalog.With(CacheKind.Contiguous));
        LatentAttention latent = decoder.Latent!;
        Assert.Equal(3L * 64 * 2 * ((32 + 16) * sizeof(float)), decoder.CacheBytes);

        Step([(0, 5)], [0], rows: 5);
        Step([(0, 1)], [], rows: 0);
        Step([(0, 7)], [], rows: 0);
        Step([(1, 1)], [], rows: 0);
        Step([(0, 1), (2, 9)], [2], rows: 9);
        decoder.Reset(1);
        decoder.Reset(2);
        Step([(2, 20), (1, 1)], [2], rows: 20);
        Assert.Equal((34, 11), (latent.ExpandedTokens, latent.AbsorbedTokens));
        Assert.Contains("by request", decoder.DescribeAttention().First(), StringComparison.Ordinal);

        void Step((int Sequence, int Tokens)[] step, int[] expanded, int rows)
        {
            decoder.Forward(new int[step.Sum(s => s.Tokens)], step, LogitRows.Last, new float[step.Length * 256]);
            Assert.Equal(step.Where(s => expanded.Contains(s.Sequence)), latent.Expanded.Sequences.ToArray());
            Assert.Equal(step.Where(s => !expanded.Contains(s.Sequence)), latent.Absorbed.Sequences.ToArray());
            Assert.Equal(rows, latent.ExpandedRows);
        }
    }

    public static IEnumerable<object[]> MixedSteps => new TheoryData<string, CacheKind, int?>
    {
        { "deepseek-v2-mla", CacheKind.Contiguous, null },
        { "deepseek-v2-mla", CacheKind.Paged, 4 },
        { "deepseek-v3-mla", CacheKind.Paged, null },
        { "deepseek-v3-mla", CacheKind.Contiguous, 4 },
        { "deepseek-v3-mla-yarn", CacheKind.Paged, 2 },
        { "stories-mla", CacheKind.Paged, null },
        { "stories-mla", CacheKind.Contiguous, 6 },
    };

    /// <summary>
    /// Tokens one by one, prompts that begin and pieces of prompts side by side, in orders that leave the tokens of a form together and
    /// apart: each row of logits is the one of a decoder that has a single form.
    /// </summary>
    [SkippableTheory]
    [MemberData(nameof(MixedSteps))]
    internal void MixedStepsGiveWhatOneFormGives(string name, CacheKind cache, int? expandFrom)
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder mixed = Load(AttentionCatalog.With(cache, MlaForm.Auto, expandFrom, ElementType.Float32));
        using Decoder absorbed = Load(AttentionCatalog.With(cache, MlaForm.Absorbed, type: ElementType.Float32));
        using Decoder expanded = Load(AttentionCatalog.With(cache, MlaForm.Expanded, type: ElementType.Float32));
        var random = new Random(23);
        int mixes = 0, continued = 0;
        foreach ((int Sequence, int Tokens)[] step in ((int, int)[][])
            [[(0, 20), (1, 1)], [(1, 1), (0, 1), (2, 9), (3, 5)], [(2, 7), (0, 1), (3, 1), (1, 70)], [(0, 1), (1, 3), (2, 66), (3, 1)],
                [(3, 1), (1, 4), (0, 1), (2, 5)], [(0, 1), (1, 1)]])
        {
            int[] tokens = [.. Enumerable.Range(0, step.Sum(s => s.Tokens)).Select(_ => random.Next(200))];
            float[] logits = Logits(mixed, tokens, step);
            AssertClose(Logits(absorbed, tokens, step), logits);
            AssertClose(Logits(expanded, tokens, step), logits);
            mixes += mixed.Latent!.Expanded.Tokens > 0 && mixed.Latent.Absorbed.Tokens > 0 ? 1 : 0;
            continued += mixed.Latent.ExpandedRows > mixed.Latent.Expanded.Tokens ? 1 : 0;
        }

        Assert.InRange(mixes, 2, 5);

        // Without a boundary of the test's own, where the arithmetic says so: the small models have latents that save nothing.
        Assert.Equal(expandFrom is not null || name == "stories-mla", continued > 0);

        Decoder Load(AttentionFactory attention) => Decoder.Load(device, TestData.Folder(name), sequences: 4, capacity: 104, attention);
    }

    [Fact]
    public void ExpandingPaysFromTheTokensOnWhoseSavingsCoverTheContext()
    {
        // DeepSeek-V3: 512 · (128 + 128) multiplications a row and head, 2 · 512 − 128 − 128 saved for each pair.
        var latent = new LatentConfig(128, 512, 128, 64, 128) { Scale = 1, Rope = Kernels.RopeStyle.Interleaved };
        Assert.False(latent.ExpandingPays(1, 0));
        Assert.True(latent.ExpandingPays(2, 0));
        Assert.False(latent.ExpandingPays(1, 100_000));
        Assert.False(latent.ExpandingPays(167, 4096));
        Assert.True(latent.ExpandingPays(168, 4096));
        Assert.True(latent.ExpandingPays(1_000_000, 1_000_000));
    }

    private static float[] Logits(Decoder decoder, int[] tokens, (int Sequence, int Tokens)[] step)
    {
        var logits = new float[tokens.Length * decoder.Config.VocabularySize];
        decoder.Forward(tokens, step, LogitRows.All, logits);
        return logits;
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        float greatest = expected.Max(MathF.Abs);
        Assert.All(
            Enumerable.Range(0, expected.Length), i => Assert.Equal(expected[i], actual[i], tolerance: 2e-5 * Math.Max(1, greatest)));
    }

    /// <summary>A cache of latents takes rank + rope elements a token, one of keys and values as many as the heads have.</summary>
    [SkippableTheory]
    [InlineData(MlaForm.Auto, 32 + 16)]
    [InlineData(MlaForm.Absorbed, 32 + 16)]
    [InlineData(MlaForm.Expanded, 4 * (32 + 16 + 32))]
    internal void CachesWhatTheFormNeeds(MlaForm form, int elements)
    {
        ComputeDevice device = devices.OpenFirst();
        ModelConfig config = ModelConfig.Load(TestData.Folder("deepseek-v3-mla"));
        using IDecoderAttention attention = AttentionCatalog.With(CacheKind.Contiguous, form)(device, config, 2, 32);

        Assert.Equal(2L * 32 * 2 * elements * sizeof(float), attention.CacheBytes);
    }
}
