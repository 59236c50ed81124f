using Kernels.Costs;
using Kernels.OpenCL;
using Xunit;

namespace Decoders.Tests;

/// <summary>The weights that configurations tell of, against those that checkpoints have and loaders take.</summary>
[Collection(DeviceCollection.Name)]
public sealed class ModelWeightsTests(Devices devices)
{
    public static TheoryData<string> Checkpoints => [.. TestData.Checkpoints, .. TestData.Encoders, "stories-gqa", "stories-mla"];

    [SkippableTheory]
    [MemberData(nameof(Checkpoints))]
    public void AreThoseOfTheCheckpointToTheByte(string name)
    {
        string folder = TestData.Folder(name);
        using SafeTensors checkpoint = SafeTensors.Open(folder);
        ElementType type = checkpoint.WeightType!.Value;
        ModelConfig config = ModelConfig.Load(folder);

        // Scales are no parameters, and of MXFP4 two are in a byte.
        long parameters = checkpoint.Names.Where(
            tensor => !tensor.EndsWith("_scales", StringComparison.Ordinal) && !tensor.EndsWith("_scale_inv", StringComparison.Ordinal))
            .Sum(tensor => checkpoint.Info(tensor).Length * (tensor.EndsWith("_blocks", StringComparison.Ordinal) ? 2 : 1));
        Assert.Equal(parameters, new ModelWeights(config, type).Parameters);

        ComputeDevice device = devices.OpenFirst();
        using var kernels = new LayerKernels(device);
        var weights = new ModelWeights(config, type, kernels.Layout);
        if (config.IsEncoder)
        {
            using TextEmbedder embedder = TextEmbedder.Load(device, folder, capacity: 16);
            Assert.Equal(embedder.WeightBytes, weights.Bytes);
            return;
        }

        using Decoder decoder = Decoder.Load(device, folder, sequences: 1, capacity: 16);
        Assert.Equal(decoder.WeightBytes, weights.Bytes);
    }

    /// <summary>The numbers of parameters that the models' cards give.</summary>
    [Theory]
    [InlineData(PublishedModels.Llama2, 6_738_415_616)]
    [InlineData(PublishedModels.Mistral, 7_241_732_096)]
    [InlineData(PublishedModels.Llama3, 8_030_261_248)]
    [InlineData(PublishedModels.Gpt2, 124_439_808)]
    public void HaveThePublishedNumberOfParameters(string json, long parameters) =>
        Assert.Equal(parameters, new ModelWeights(PublishedModels.Read(json), ElementType.Float16).Parameters);

    /// <summary>The same, of files with the keys that differ from their families' defaults.</summary>
    [Theory]
    [InlineData(
        """{"model_type": "qwen2", "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4}""", 7_615_616_512)]
    [InlineData("""{"model_type": "qwen3_moe", "num_hidden_layers": 48, "head_dim": 128}""", 30_532_122_624)]
    [InlineData("""{"model_type": "mixtral"}""", 46_702_792_704)]
    [InlineData(
        """{"model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 1152, "intermediate_size": 6912, "num_attention_heads": 4, "num_key_value_heads": 1}""", 999_885_952)]
    [InlineData("""{"model_type": "phi3"}""", 3_821_079_552)]
    [InlineData("""{"model_type": "olmo2", "vocab_size": 100352}""", 7_298_617_344)]
    [InlineData(
        """{"model_type": "gpt_neox", "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 8, "num_hidden_layers": 16}""", 1_011_781_632)]
    [InlineData("""{"model_type": "starcoder2"}""", 3_030_371_328)]
    [InlineData(
        """{"model_type": "granite", "vocab_size": 49155, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 40, "num_key_value_heads": 8, "tie_word_embeddings": true}""", 2_533_531_648)]
    [InlineData("""{"model_type": "smollm3"}""", 3_075_098_624)]
    [InlineData("""{"model_type": "glm4"}""", 9_400_279_040)]
    [InlineData("""{"model_type": "modernbert"}""", 149_014_272)]
    public void HaveThePublishedNumberOfParametersToo(string json, long parameters) =>
        Assert.Equal(parameters, new ModelWeights(PublishedModels.Read(json), ElementType.BFloat16).Parameters);

    [Fact]
    public void OfAMixtureOfExpertsATokenUsesFew()
    {
        var weights = new ModelWeights(PublishedModels.Read(PublishedModels.DeepSeekV3), ElementType.BFloat16);

        // 671 billion parameters, 37 billion of them for a token: the paper's numbers.
        Assert.Equal(671.0e9, weights.Parameters, 0.1e9);
        Assert.InRange(weights.Step(1, 1).Flops / 2, 36.5e9, 37.6e9);

        // 8 experts of 256 for a token, all of them for many.
        long expert = weights.Matrices.Where(m => m.Use == WeightUse.Expert).Sum(weights.BytesOf);
        Assert.Equal(expert * 248.0 / 256, weights.Step(10_000, 1).Bytes - weights.Step(1, 1).Bytes - (9999.0 * 7168 * 2), expert * 1e-9);

        // The gates and up-projections of a layer's experts lie in one buffer.
        Assert.Equal(256L * 2 * 2048 * 7168 * 2, weights.LargestBuffer);
    }

    [Fact]
    public void AStepReadsEachWeightOnceAndMultipliesItWithEachToken()
    {
        var weights = new ModelWeights(PublishedModels.Read(PublishedModels.Llama2), ElementType.Float16);

        // All but the embedding, of which a token takes a row; norms are float32, and no products.
        long embedding = 32_000L * 4096;
        long norms = 65L * 4096;
        WorkCost one = weights.Step(1, 1);
        Assert.Equal(2.0 * (weights.Parameters - embedding - norms), one.Flops);
        Assert.Equal(((weights.Parameters - embedding - norms) * 2) + (norms * 4) + (4096 * 2), one.Bytes);

        // The head is for the last tokens only.
        WorkCost prompt = weights.Step(1000, 1);
        Assert.Equal((one.Flops - (2.0 * embedding)) * 1000 + (2.0 * embedding), prompt.Flops);
        Assert.Equal(one.Bytes + (999 * 4096 * 2), prompt.Bytes);
    }
}
