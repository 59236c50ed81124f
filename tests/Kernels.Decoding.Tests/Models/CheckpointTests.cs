using System.Collections.Immutable;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Every architecture against transformers: logits and greedy continuations, in every form, with both kinds of cache.</summary>
[Collection(DeviceCollection.Name)]
public sealed class CheckpointTests(Devices devices)
{
    public static IEnumerable<object[]> DevicesAndCheckpoints
    {
        get
        {
            var rows = new TheoryData<int, string, CacheKind>();
            foreach (int number in Devices.All)
            {
                foreach (string name in TestData.Checkpoints)
                {
                    rows.Add(number, name, CacheKind.Contiguous);
                    rows.Add(number, name, CacheKind.Paged);
                }
            }

            return rows;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(DevicesAndCheckpoints))]
    internal void AgreesWithTransformers(int number, string name, CacheKind cache)
    {
        ComputeDevice device = devices.Open(number);

        // The reference computes in float32, whatever the weights that are not quantised are stored in.
        using Decoder decoder = Decoder.Load(
            device, TestData.Folder(name), sequences: 1, capacity: 104, AttentionCatalog.With(cache, type: ElementType.Float32));
        AssertAgrees(decoder, name);
    }

    /// <summary>The same with attention in double precision on the host, which tells a fault of a layer from one of attention.</summary>
    [SkippableTheory]
    [InlineData("gpt2-mha")]
    [InlineData("gemma2-softcap-window")]
    [InlineData("bloom-alibi")]
    [InlineData("gpt-oss-sinks-moe")]
    [InlineData("deepseek-v3-mla-yarn")]
    public void AgreesWithTransformersWithReferenceAttention(string name)
    {
        ComputeDevice device = devices.OpenFirst();
        using Decoder decoder = Decoder.Load(device, TestData.Folder(name), sequences: 1, capacity: 104, DecoderTests.Reference);
        AssertAgrees(decoder, name);
    }

    /// <summary>Weights in 16 bits, in shards, and without the prefix that the bare models' checkpoints lack: the same logits.</summary>
    [SkippableTheory]
    [InlineData("gpt2-mha", "BF16")]
    [InlineData("gpt2-mha", "F16")]
    [InlineData("bloom-alibi", "BF16")]
    [InlineData("gemma2-softcap-window", "BF16")]
    [InlineData("qwen3-qknorm", "F16")]
    [InlineData("gpt-oss-sinks-moe", "BF16")]
    [InlineData("gpt-oss-sinks-moe", "F16")]
    [InlineData("deepseek-v2-mla", "F16")]
    [InlineData("deepseek-v3-mla-moe", "BF16")]
    [InlineData("qwen3-moe", "BF16")]
    [InlineData("phi3-fused-qkv", "F16")]
    [InlineData("gpt-neox-parallel", "BF16")]
    [InlineData("granite-multipliers", "F16")]
    public void ReadsWeightsAsTheyAreStored(string name, string type)
    {
        ComputeDevice device = devices.OpenFirst();
        using var rounded = new TemporaryFolder();
        using var stored = new TemporaryFolder();
        var weights = StoredTensors.Read(TestData.Folder(name)).ToDictionary(
            t => t.Key, t => t.Value with { Values = StoredTensors.Round(t.Value.Values, type) });
        string config = File.ReadAllText(Path.Combine(TestData.Folder(name), "config.json"));
        rounded.Write("config.json", config);
        stored.Write("config.json", config);
        StoredTensors.Write(rounded, weights, "F32");
        StoredTensors.Write(
            stored, weights.ToDictionary(t => t.Key.Replace("transformer.", "", StringComparison.Ordinal), t => t.Value), type, files: 3);
        int[] tokens = Verifier.ReadExpected(Path.Combine(TestData.Folder(name), "expected.safetensors"))[2].Tokens;

        (float[] expected, long bytes) = Logits(rounded.Path);
        (float[] actual, long storedBytes) = Logits(stored.Path);

        Assert.All(Enumerable.Range(0, actual.Length), i => Assert.Equal(expected[i], actual[i], tolerance: 1e-5));
        Assert.InRange(storedBytes, bytes / 2, (bytes * 0.55) + 0.5);

        (float[], long) Logits(string folder)
        {
            using Decoder decoder = Decoder.Load(
                device, folder, sequences: 1, capacity: 64, AttentionCatalog.With(CacheKind.Contiguous, type: ElementType.Float32));
            var logits = new float[tokens.Length * decoder.Config.VocabularySize];
            decoder.Forward(0, tokens, LogitRows.All, logits);
            return (logits, decoder.WeightBytes);
        }
    }

    internal static void AssertAgrees(Decoder decoder, string name)
    {
        ImmutableArray<ReferencePrompt> prompts = Verifier.ReadExpected(Path.Combine(TestData.Folder(name), "expected.safetensors"));
        Assert.Equal([1, 7, 33, 80], prompts.Select(p => p.Tokens.Length));
        foreach (ReferencePrompt prompt in prompts)
        {
            foreach (PromptForm form in Enum.GetValues<PromptForm>())
            {
                PromptResult result = Verifier.Run(decoder, prompt, form);
                Assert.True(result.MaxDifference <= 1e-4, $"{prompt.Name}, {form}: logits differ by {result.MaxDifference}");
                Assert.Equal((24, 24), (result.GreedyCompared, result.GreedyAgreed));
                Assert.True(result.Passed);
            }
        }
    }
}
