using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Encoders against transformers, and vectors of texts with encoders and decoders.</summary>
[Collection(DeviceCollection.Name)]
public sealed class TextEmbedderTests(Devices devices)
{
    public static TheoryData<int, string> DevicesAndEncoders
    {
        get
        {
            var rows = new TheoryData<int, string>();
            foreach (int number in Devices.All)
            {
                foreach (string name in TestData.Encoders)
                {
                    rows.Add(number, name);
                }
            }

            return rows;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(DevicesAndEncoders))]
    public void EncodersAgreeWithTransformers(int number, string name)
    {
        ComputeDevice device = devices.Open(number);
        using TextEmbedder embedder = TextEmbedder.Load(device, TestData.Folder(name), capacity: 96);
        using SafeTensors expected = SafeTensors.Open(Path.Combine(TestData.Folder(name), "expected.safetensors"));

        // The longest first: what is left of it in the cache must not reach those after it.
        foreach (int prompt in (int[])[3, 0, 2, 1])
        {
            int[] tokens = expected.Read<int>($"prompt{prompt}.input_ids").ToArray();
            float[] hidden = expected.Read<float>($"prompt{prompt}.hidden").ToArray();
            var actual = new float[hidden.Length];
            embedder.Encode(tokens, actual);
            Assert.InRange(RelativeDifference(hidden, actual), 0, 1e-5);
        }
    }

    [SkippableFact]
    public void AWindowCutsWhatATokenSeesToBothSides()
    {
        ComputeDevice device = devices.OpenFirst();
        using TextEmbedder embedder = TextEmbedder.Load(device, TestData.Folder("modernbert-encoder"), capacity: 96);
        AttentionGeometry[] layers = [.. embedder.Config.Layers.Select(layer => layer.Attention)];
        Assert.Equal([-1, 8, 8, -1], layers.Select(l => l.WindowLeft));
        Assert.Equal([-1, 8, 8, -1], layers.Select(l => l.WindowRight));
        Assert.Equal([160000, 10000, 10000, 160000], embedder.Config.Layers.Select(l => l.Rope!.Theta));

        // A capacity that no window is narrower than: the same vectors through kernels without windows.
        int[] tokens = [.. Enumerable.Range(3, 8)];
        using TextEmbedder narrow = TextEmbedder.Load(device, TestData.Folder("modernbert-encoder"), capacity: 8);
        Assert.InRange(RelativeDifference(embedder.Embed(tokens), narrow.Embed(tokens)), 0, 1e-6);
    }

    /// <summary>
    /// A decoder's vector is its last token's hidden state, whatever pieces the text runs in, and its head gives the logits of it.
    /// </summary>
    [SkippableTheory]
    [InlineData("llama-gqa")]
    [InlineData("phi3-longrope")]
    [InlineData("stories-gqa")]
    public void DecodersGiveTheStateOfTheLastToken(string name)
    {
        ComputeDevice device = devices.OpenFirst();
        string folder = TestData.Folder(name);
        int[] tokens = [.. Enumerable.Range(0, 80).Select(i => (i * 37) % 250)];
        using TextEmbedder embedder = TextEmbedder.Load(device, folder, capacity: 96);
        Assert.Equal(new PoolingConfig(Pooling.Last), embedder.Pooling);
        var hidden = new float[tokens.Length * embedder.Dimensions];
        embedder.Encode(tokens, hidden);
        float[] vector = embedder.Embed(tokens);

        using Decoder decoder = Decoder.Load(device, folder, sequences: 1, capacity: 96);
        var pieces = new float[hidden.Length];
        decoder.ExpectLength(0, tokens.Length);
        decoder.Encode(0, tokens.AsSpan(0, 50), pieces.AsSpan(0, 50 * embedder.Dimensions));
        decoder.Encode(0, tokens.AsSpan(50), pieces.AsSpan(50 * embedder.Dimensions));
        Assert.InRange(RelativeDifference(hidden, pieces), 0, 2e-5);
        double length = Math.Sqrt(hidden[^embedder.Dimensions..].Sum(v => (double)v * v));
        Assert.InRange(RelativeDifference([.. hidden[^embedder.Dimensions..].Select(v => (float)(v / length))], vector), 0, 1e-6);
        Assert.Equal(1, vector.Sum(v => (double)v * v), 1e-5);
    }

    [Fact]
    public void AnEncodersTextsBeginAndEndWithItsTokens()
    {
        TextTokenizer tokenizer = TextTokenizer.Load(TestData.Folder("stories-gqa"));
        ModelConfig config = ModelConfig.Load(TestData.Folder("stories-gqa"));
        int[] plain = tokenizer.Encode("One morning");
        Assert.Equal([0, .. plain], TextEmbedder.Tokenize(tokenizer, config, "One morning"));
        Assert.Equal(
            [1, .. plain, 2], TextEmbedder.Tokenize(tokenizer, config with { ClassTokenId = 1, SeparatorTokenId = 2 }, "One morning"));
        Assert.Equal([1, 2], TextEmbedder.Tokenize(tokenizer, config with { ClassTokenId = 1, SeparatorTokenId = 2 }, ""));

        // What is there already is not put there twice.
        Assert.Equal(
            [7, .. plain], TextEmbedder.Tokenize(tokenizer, config with { ClassTokenId = 7, SeparatorTokenId = plain[^1] }, "One morning"));
        Assert.Equal([0], TextEmbedder.Tokenize(tokenizer, config, ""));
    }

    [Fact]
    public void PoolsAsAsked()
    {
        float[] hidden = [1, -2, 3, 4, -1, 0];
        Assert.Equal([1f, 2f / 3], TextEmbedder.Pool(hidden, 2, new PoolingConfig(Pooling.Mean, Normalizes: false)));
        Assert.Equal([1f, -2f], TextEmbedder.Pool(hidden, 2, new PoolingConfig(Pooling.First, Normalizes: false)));
        Assert.Equal([-1f, 0f], TextEmbedder.Pool(hidden, 2, new PoolingConfig(Pooling.Last)));
        Assert.Equal([0.6f, 0.8f], TextEmbedder.Pool(hidden, 2, new PoolingConfig(Pooling.Max)));
        Assert.Equal([0f, 0f], TextEmbedder.Pool([0, 0], 2, new PoolingConfig(Pooling.Mean)));
    }

    [Theory]
    [InlineData(null, null, Pooling.Mean, true)]
    [InlineData("{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}", null, Pooling.First, true)]
    [InlineData(
        "{\"pooling_mode_lasttoken\": true}",
        "[{\"type\": \"sentence_transformers.models.Transformer\"}, {\"type\": \"sentence_transformers.models.Pooling\", \"path\": "
            + "\"1_Pooling\"}]", Pooling.Last, false)]
    [InlineData(
        "{\"pooling_mode\": \"max\"}",
        "[{\"type\": \"sentence_transformers.models.Pooling\", \"path\": \"1_Pooling\"}, {\"type\": "
            + "\"sentence_transformers.models.Normalize\", \"path\": \"2_Normalize\"}]", Pooling.Max, true)]
    internal void ReadsThePoolingOfTheFolder(string? pooling, string? modules, Pooling expected, bool normalizes)
    {
        using var folder = new TemporaryFolder();
        Write(folder, pooling, modules);
        Assert.Equal(new PoolingConfig(expected, normalizes), PoolingConfig.Load(folder.Path, isEncoder: true));
    }

    [Theory]
    [InlineData(
        "{\"pooling_mode_weightedmean_tokens\": true}", null,
        "'pooling_mode_weightedmean_tokens' is true, which is not supported; supported: false")]
    [InlineData("{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": true}", null, "names 2 pooling modes")]
    [InlineData("{}", null, "names no pooling mode")]
    [InlineData(
        "{\"pooling_mode\": \"median\"}", null,
        "'pooling_mode' is \"median\", which is not supported; supported: mean, cls, lasttoken, max")]
    [InlineData(
        null, "[{\"type\": \"sentence_transformers.models.Dense\"}]",
        "'type' is \"sentence_transformers.models.Dense\", which is not supported")]
    [InlineData(
        null, "[{\"type\": \"sentence_transformers.models.Pooling\", \"path\": \"../x\"}]", "supported: a folder of the checkpoint")]
    [InlineData(null, "{}", "is not a JSON list")]
    public void NamesWhatPoolingIsNotSupported(string? pooling, string? modules, string message)
    {
        using var folder = new TemporaryFolder();
        Write(folder, pooling, modules);
        Assert.Contains(
            message, Assert.Throws<CheckpointException>(() => PoolingConfig.Load(folder.Path, isEncoder: true)).Message,
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public void AnEncoderIsNoDecoder()
    {
        var error = Assert.Throws<CheckpointException>(
            () => Decoder.Load(devices.OpenFirst(), TestData.Folder("modernbert-encoder"), 1, 16));
        Assert.Contains("is of type modernbert, an encoder", error.Message, StringComparison.Ordinal);
    }

    private static void Write(TemporaryFolder folder, string? pooling, string? modules)
    {
        if (pooling is not null)
        {
            Directory.CreateDirectory(folder.File("1_Pooling"));
            folder.Write("1_Pooling/config.json", pooling);
        }

        if (modules is not null)
        {
            folder.Write("modules.json", modules);
        }
    }

    /// <summary>The largest difference as a part of the largest number.</summary>
    private static double RelativeDifference(float[] expected, float[] actual) =>
        expected.Zip(actual, (e, a) => Math.Abs((double)e - a)).Max() / expected.Max(e => Math.Abs((double)e));
}
