using System.Text.Json.Nodes;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>Which type attention runs in, and what that does to a checkpoint whose keys or values are beyond float16.</summary>
[Collection(DeviceCollection.Name)]
public sealed class AttentionTypeTests(Devices devices)
{
    private const int Vocabulary = 29, Hidden = 48, Intermediate = 40, QueryHeads = 9, KvHeads = 3, HeadDim = 64;

    private static readonly int[] Tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9];

    /// <summary>The checkpoint of which float16 attention makes another function, without a word: keys beyond 65504.</summary>
    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void LargeKeysOfABFloat16CheckpointAreTheSameFunction(int number) =>
        AssertSameFunction(devices.Open(number), "k_proj", "q_proj", 4e4f, AttentionTensor.Keys);

    /// <summary>As the other, with values: float16 gives NaN.</summary>
    [SkippableTheory]
    [MemberData(nameof(Devices.Numbers), MemberType = typeof(Devices))]
    public void LargeValuesOfABFloat16CheckpointAreTheSameFunction(int number) =>
        AssertSameFunction(devices.Open(number), "v_proj", "o_proj", 1e5f, AttentionTensor.Values);

    [SkippableTheory]
    [InlineData("BF16", "BFloat16, as the weights are", "Heads9Over3Of64BFloat16")]
    [InlineData("F16", "Float16, as the weights are", "Heads9Over3Of64Float16")]
    [InlineData("F32", "Float32, as the weights are", "Heads9Over3Of64Float32")]
    public void TheTypeOfTheWeightsRuns(string type, string reason, string name)
    {
        ComputeDevice device = devices.OpenFirst();
        using var folder = new TemporaryFolder();

        // What config.json says does not count.
        Write(folder, type, namedType: "float16");
        foreach ((CacheKind cache, string suffix) in new[] { (CacheKind.Contiguous, ""), (CacheKind.Paged, "Paged") })
        {
            using Decoder decoder = Decoder.Load(device, folder.Path, sequences: 1, Tokens.Length, AttentionCatalog.With(cache));
            string[] lines = [.. decoder.DescribeAttention()];
            Assert.Equal($"attention in {reason}", lines[0]);
            Assert.StartsWith($"{name}{suffix}: ", lines[1], StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void AnotherTypeRunsWhereItIsAskedFor()
    {
        ComputeDevice device = devices.OpenFirst();
        using var folder = new TemporaryFolder();
        Write(folder, "F16", namedType: null);
        using Decoder decoder = Decoder.Load(
            device, folder.Path, sequences: 1, Tokens.Length, AttentionCatalog.With(CacheKind.Contiguous, type: ElementType.BFloat16));
        Assert.Equal("attention in BFloat16, as asked for", decoder.DescribeAttention().First());
    }

    /// <param name="device">The device.</param>
    /// <param name="larger">The projection that is multiplied.</param>
    /// <param name="smaller">The one that is divided.</param>
    /// <param name="factor">By what.</param>
    /// <param name="tensor">What float16 cannot hold then.</param>
    private static void AssertSameFunction(ComputeDevice device, string larger, string smaller, float factor, AttentionTensor tensor)
    {
        using TemporaryFolder plain = new(), scaled = new();
        Write(plain, "BF16", "bfloat16");
        Write(scaled, "BF16", "bfloat16", (larger, factor), (smaller, 1 / factor));
        float[] expected = Logits(device, plain.Path, DecoderTests.Reference);
        float greatest = expected.Max(MathF.Abs);
        foreach (CacheKind cache in Enum.GetValues<CacheKind>())
        {
            AssertClose(Logits(device, plain.Path, AttentionCatalog.With(cache)));
            AssertClose(Logits(device, scaled.Path, AttentionCatalog.With(cache)));
        }

        // The same in float16 is another function, and a device that checks says of which tensor.
        AttentionFactory half = AttentionCatalog.With(CacheKind.Contiguous, type: ElementType.Float16);
        float[] wrong = Logits(device, scaled.Path, half);
        Assert.Contains(Enumerable.Range(0, wrong.Length), i => !(MathF.Abs(wrong[i] - expected[i]) <= 0.2f * greatest));
        using ComputeDevice checking = ComputeDevice.Open(device.Info, new() { Tuning = TuningMode.Off, CheckNumbers = true });
        var e = Assert.Throws<NotFiniteException>(() => Logits(checking, scaled.Path, half));
        Assert.Equal(("Heads9Over3Of64Float16", tensor, 0), (e.Attention, e.Tensor, e.Layer));
        Assert.Contains("use Storage = ElementType.BFloat16", e.Message, StringComparison.Ordinal);
        AssertClose(Logits(checking, scaled.Path, AttentionCatalog.With(CacheKind.Contiguous)));

        void AssertClose(float[] actual) =>
            Assert.InRange(Enumerable.Range(0, actual.Length).Max(i => MathF.Abs(actual[i] - expected[i])), 0, 0.02f * greatest);
    }

    private static float[] Logits(ComputeDevice device, string folder, AttentionFactory attention)
    {
        using Decoder decoder = Decoder.Load(device, folder, sequences: 1, Tokens.Length, attention);
        var logits = new float[Tokens.Length * Vocabulary];
        int prompt = Tokens.Length - 3;
        decoder.Forward(0, Tokens.AsSpan(0, prompt), LogitRows.All, logits.AsSpan(0, prompt * Vocabulary));
        for (int i = prompt; i < Tokens.Length; i++)
        {
            decoder.Forward(0, Tokens.AsSpan(i, 1), LogitRows.All, logits.AsSpan(i * Vocabulary, Vocabulary));
        }

        return logits;
    }

    /// <summary>A Llama of one layer with the heads of SmolLM 135M.</summary>
    private static void Write(TemporaryFolder folder, string type, string? namedType, params (string Projection, float Factor)[] changes)
    {
        var config = new JsonObject
        {
            ["model_type"] = "llama",
            ["vocab_size"] = Vocabulary,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Intermediate,
            ["num_hidden_layers"] = 1,
            ["num_attention_heads"] = QueryHeads,
            ["num_key_value_heads"] = KvHeads,
            ["head_dim"] = HeadDim,
            ["max_position_embeddings"] = 64,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = 10000,
            ["tie_word_embeddings"] = true,
            ["torch_dtype"] = namedType,
        };
        folder.Write("config.json", config.ToJsonString());
        var random = new Random(5);
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        Add("model.embed_tokens.weight", 2, Vocabulary, Hidden);
        Add("model.norm.weight", 2, Hidden);
        const string layer = "model.layers.0.";
        Add(layer + "input_layernorm.weight", 2, Hidden);
        Add(layer + "post_attention_layernorm.weight", 2, Hidden);
        Add(layer + "self_attn.q_proj.weight", 1, QueryHeads * HeadDim, Hidden);
        Add(layer + "self_attn.k_proj.weight", 1, KvHeads * HeadDim, Hidden);
        Add(layer + "self_attn.v_proj.weight", 1, KvHeads * HeadDim, Hidden);
        Add(layer + "self_attn.o_proj.weight", 1, Hidden, QueryHeads * HeadDim);
        Add(layer + "mlp.gate_proj.weight", 0.3f, Intermediate, Hidden);
        Add(layer + "mlp.up_proj.weight", 0.3f, Intermediate, Hidden);
        Add(layer + "mlp.down_proj.weight", 0.3f, Hidden, Intermediate);
        StoredTensors.Write(folder, tensors, type);

        void Add(string name, float width, params int[] shape)
        {
            float factor = changes.Where(change => name.Contains(change.Projection, StringComparison.Ordinal))
                .Select(change => change.Factor).DefaultIfEmpty(1).Single();
            tensors.Add(
                name,
                new(
                    shape,
                    [.. Enumerable.Range(0, shape.Aggregate((a, b) => a * b)).Select(_ => (random.NextSingle() - 0.5f) * width * factor)]));
        }
    }
}
