using System.Text.Json.Nodes;
using Xunit;

namespace Kernels.Decoding.Tests;

public sealed class ModelConfigTests
{
    [Fact]
    public void ReadsALlama()
    {
        ModelConfig config = ModelConfig.Load(TestData.Folder("stories-gqa"));

        Assert.Equal(
            ("llama", 768, 192, 512, Activation.Silu),
            (config.ModelType, config.VocabularySize, config.HiddenSize, config.IntermediateSize, config.Activation));
        var layer = new LayerConfig(new AttentionGeometry(6, 2, 32), new RopeConfig { RotaryDim = 32, Theta = 10000 });
        Assert.Equal([layer, layer, layer, layer], config.Layers.ToArray());
        Assert.Equal(
            (1e-6, 2048, true, false, false),
            (config.NormEpsilon, config.MaxPositions, config.TiedEmbeddings, config.AttentionBias, config.FeedForwardBias));
        Assert.Equal(0, config.BosTokenId);
        Assert.Equal([0], config.EosTokenIds.ToArray());
        Assert.Equal(2048, config.ContextLimit);
    }

    [Fact]
    public void LimitsTheContextToThePositions()
    {
        ModelConfig config = ModelConfig.Load(TestData.Folder("mistral-window"));

        config.CheckContext(512, "folder");
        Assert.Equal(
            "folder: a context of 513 tokens exceeds the 512 positions of the model",
            Assert.Throws<CheckpointException>(() => config.CheckContext(513, "folder")).Message);
    }

    [Fact]
    public void FillsInWhatOlderFilesLeaveOut()
    {
        ModelConfig config = Load(json =>
        {
            json.Remove("rope_parameters");
            json.Remove("head_dim");
            json.Remove("num_key_value_heads");
            json.Remove("hidden_act");
            json.Remove("tie_word_embeddings");
        });

        Assert.Equal(new LayerConfig(new AttentionGeometry(8, 8, 8), new RopeConfig { RotaryDim = 8, Theta = 10000 }), config.Layers[0]);
        Assert.False(config.TiedEmbeddings);
    }

    [Theory]
    [InlineData("2", null, new[] { 2 })]
    [InlineData("[2, 3]", null, new[] { 2, 3 })]
    [InlineData("null", null, new int[0])]
    [InlineData("2", """{"eos_token_id": [5, 6]}""", new[] { 5, 6 })]
    [InlineData("null", """{"eos_token_id": 7}""", new[] { 7 })]
    [InlineData("2", """{"eos_token_id": null}""", new[] { 2 })]
    public void ReadsTheTokensThatEndAText(string eos, string? generation, int[] expected)
    {
        ModelConfig config = Load(json => json["eos_token_id"] = JsonNode.Parse(eos), generation);

        Assert.Equal(expected, config.EosTokenIds.ToArray());
    }

    [Fact]
    public void TakesBosFromTheGenerationFileIfTheModelHasNone()
    {
        Assert.Equal(9, Load(json => json["bos_token_id"] = null, """{"bos_token_id": 9}""").BosTokenId);
        Assert.Equal(1, Load(_ => { }, """{"bos_token_id": 9}""").BosTokenId);
        Assert.Null(Load(json => json.Remove("bos_token_id")).BosTokenId);
    }

    [Theory]
    [InlineData("hidden_size")]
    [InlineData("intermediate_size")]
    [InlineData("num_hidden_layers")]
    [InlineData("num_attention_heads")]
    [InlineData("vocab_size")]
    [InlineData("rms_norm_eps")]
    [InlineData("max_position_embeddings")]
    [InlineData("model_type")]
    public void NamesAKeyThatIsNull(string key) =>
        Assert.Contains(
            $"config.json: has no key '{key}'", Assert.Throws<CheckpointException>(() => Load(json => json[key] = null)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void NamesTheTypeThatIsMissing() =>
        Assert.Contains(
            "config.json: has no key 'model_type'", Assert.Throws<CheckpointException>(
                () => Load(json => json.Remove("model_type"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(
        "model_type", "\"t5\"",
        "'model_type' is \"t5\", which is not supported; supported: gpt2, llama, mistral, mixtral, qwen2, qwen3, qwen3_moe, gemma, "
            + "gemma2, gemma3_text, gemma3, phi3, olmo2, gpt_neox, starcoder2, granite, smollm3, glm4, bloom, gpt_oss, deepseek_v2, "
            + "deepseek_v3, modernbert")]
    [InlineData(
        "hidden_act", "\"relu\"",
        "'hidden_act' is \"relu\", which is not supported; supported: silu, swish, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh")]
    [InlineData("hidden_size", "\"64\"", "'hidden_size' is \"64\", not an integer from 1")]
    [InlineData("hidden_size", "0", "'hidden_size' is 0, not an integer from 1")]
    [InlineData("hidden_size", "1e99", "'hidden_size' is 1e99, not an integer from 1")]
    [InlineData("rms_norm_eps", "-1", "'rms_norm_eps' is -1, not a positive number")]
    [InlineData("tie_word_embeddings", "1", "'tie_word_embeddings' is 1, not true or false")]
    [InlineData(
        "num_key_value_heads", "3", "'num_key_value_heads' is 3, which is not supported; supported: a divisor of num_attention_heads, 8")]
    [InlineData("bos_token_id", "-1", "'bos_token_id' is -1, not an integer from 0")]
    [InlineData("eos_token_id", "[1, \"x\"]", "not a token id or a list of them")]
    [InlineData("quantization_config", "{\"bits\":4}", "has no key 'quantization_config.quant_method'")]
    [InlineData("head_dim", "15", "rotates 15 of the 15 dimensions of a head")]
    [InlineData("partial_rotary_factor", "2", "rotates 32 of the 16 dimensions of a head")]
    [InlineData(
        "rope_parameters", "{\"rope_type\": \"mrope\"}",
        "'rope_parameters.rope_type' is \"mrope\", which is not supported; supported: default, linear, dynamic, llama3, yarn, longrope")]
    [InlineData("rope_parameters", "{\"rope_type\": \"dynamic\"}", "has no key 'rope_parameters.factor'")]
    [InlineData("rope_parameters", "{\"rope_type\": \"longrope\"}", "has no key 'rope_parameters.short_factor'")]
    [InlineData(
        "rope_parameters", "{\"rope_type\": \"longrope\", \"short_factor\": [1, 2]}",
        "'rope_parameters.short_factor' is [1,2], which is not supported; supported: 8 factors, one for each pair")]
    [InlineData(
        "rope_parameters", "{\"rope_type\": \"longrope\", \"short_factor\": [1, \"x\"]}",
        "'rope_parameters.short_factor' is [1,\"x\"], not a list of positive numbers")]
    [InlineData(
        "rope_parameters", "{\"rope_type\": \"longrope\", \"original_max_position_embeddings\": 1}",
        "'rope_parameters.original_max_position_embeddings' is 1, which is not supported; supported: 2 or more")]
    [InlineData("rope_parameters", "{\"rope_type\": \"linear\"}", "has no key 'rope_parameters.factor'")]
    [InlineData(
        "rope_parameters", "{\"rope_type\": \"llama3\", \"factor\": 8}", "has no key 'rope_parameters.original_max_position_embeddings'")]
    [InlineData("rope_parameters", "{\"rope_type\": 1}", "'rope_parameters.rope_type' is 1, not a string")]
    [InlineData("rope_parameters", "[]", "'rope_parameters' is not an object")]
    public void NamesAValueThatIsWrong(string key, string value, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Load(json => json[key] = JsonNode.Parse(value)));

        Assert.Contains("config.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesFilesThatAreNotThereOrNotJson()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains(
            "cannot be opened", Assert.Throws<CheckpointException>(() => ModelConfig.Load(folder.Path)).Message, StringComparison.Ordinal);
        folder.Write("config.json", "{");
        Assert.Contains(
            "is not JSON", Assert.Throws<CheckpointException>(() => ModelConfig.Load(folder.Path)).Message, StringComparison.Ordinal);
        folder.Write("config.json", "[]");
        Assert.Contains(
            "is not a JSON object", Assert.Throws<CheckpointException>(() => ModelConfig.Load(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        """{"rope_parameters": {"rope_theta": 500000.0, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}""")]
    [InlineData(
        """{"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}""")]
    [InlineData(
        """{"rope_theta": 500000.0, "rope_scaling": {"type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}""")]
    public void ReadsBothSpellingsOfRope(string keys)
    {
        RopeConfig rope = LoadRope(keys).Layers[0].Rope!;

        Assert.Equal(
            new RopeConfig
            {
                RotaryDim = 16, Theta = 500000, Scaling = RopeScaling.Llama3, Factor = 8, LowFrequencyFactor = 1, HighFrequencyFactor = 4,
                    OriginalPositions = 8192,
            },
            rope);
    }

    [Fact]
    public void ReadsOlderSpellingsWithoutScaling()
    {
        Assert.Equal(
            new RopeConfig { RotaryDim = 16, Theta = 1e6 }, LoadRope("""{"rope_theta": 1000000, "rope_scaling": null}""").Layers[0].Rope!);
        Assert.Equal(new RopeConfig { RotaryDim = 8, Theta = 1e4 }, LoadRope("""{"partial_rotary_factor": 0.5}""").Layers[0].Rope!);
    }

    [Fact]
    public void ReadsLinearRopeWithoutStretchingAStretchedContext()
    {
        ModelConfig config = LoadRope("""{"rope_scaling": {"type": "linear", "factor": 4.0}}""");

        Assert.Equal((RopeScaling.Linear, 4.0), (config.Layers[0].Rope!.Scaling, config.Layers[0].Rope!.Factor));
        Assert.Equal(512, config.ContextLimit);

        // Unless the file says what it was before.
        Assert.Equal(
            1024,
            LoadRope("""{"rope_scaling": {"type": "linear", "factor": 4.0, "original_max_position_embeddings": 256}}""").ContextLimit);
        Assert.Equal(
            512, LoadRope("""{"rope_scaling": {"type": "linear", "factor": 4.0, "original_max_position_embeddings": 128}}""").ContextLimit);
    }

    [Fact]
    public void ReadsDynamicRopeUpToWhereItIsPlain()
    {
        ModelConfig config = LoadRope("""{"rope_scaling": {"type": "dynamic", "factor": 4.0}}""");

        RopeConfig plain = new() { RotaryDim = 16, Theta = 10000 };
        Assert.Equal(RotaryTable.Frequencies(plain), RotaryTable.Frequencies(config.Layers[0].Rope!));
        Assert.Equal(512, config.ContextLimit);
        Assert.Equal(
            128,
            LoadRope("""{"rope_scaling": {"type": "dynamic", "factor": 4.0, "original_max_position_embeddings": 128}}""").ContextLimit);
    }

    /// <summary>A layer without rope, or with an unstretched one, does not limit the others.</summary>
    [Fact]
    public void TheLayersThatKnowTheMostTellTheContext()
    {
        ModelConfig config = LoadRope("""{"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512}}""");
        LayerConfig[] layers = [.. config.Layers];
        Assert.Equal(2048, (config with { Layers = [layers[0] with { Rope = null }, layers[1]] }).ContextLimit);
        Assert.Equal(
            2048,
            (config with { Layers = [layers[0] with { Rope = new RopeConfig { RotaryDim = 16, Theta = 1e4 } }, layers[1]] }).ContextLimit);
        Assert.Equal(512, (config with { Layers = [layers[0] with { Rope = null }] }).ContextLimit);
    }

    [Fact]
    public void ReadsYarn()
    {
        ModelConfig config = LoadRope("""{"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 256}}""");
        Assert.Equal(
            (256, 32.0, 1.0, true),
            (config.Layers[0].Rope!.OriginalPositions, config.Layers[0].Rope!.BetaFast, config.Layers[0].Rope!.BetaSlow,
                config.Layers[0].Rope!.TruncateBounds));
        Assert.Equal((0.1 * Math.Log(4)) + 1, config.Layers[0].Rope!.AttentionFactor, 12);
        Assert.Equal(1024, config.ContextLimit);

        RopeConfig scaled = LoadRope(
            """{"rope_scaling": {"type": "yarn", "factor": 4.0, "mscale": 0.7, "mscale_all_dim": 0.5, "beta_fast": 16, "beta_slow": 2, "truncate": false}}""").Layers[0].Rope!;
        Assert.Equal((512, 16.0, 2.0, false), (scaled.OriginalPositions, scaled.BetaFast, scaled.BetaSlow, scaled.TruncateBounds));
        Assert.Equal(((0.07 * Math.Log(4)) + 1) / ((0.05 * Math.Log(4)) + 1), scaled.AttentionFactor, 12);

        Assert.Equal(
            1.5,
            LoadRope("""{"rope_scaling": {"type": "yarn", "factor": 4.0, "attention_factor": 1.5}}""").Layers[0].Rope!.AttentionFactor);
    }

    private static ModelConfig LoadRope(string keys) => Load(json =>
    {
        json.Remove("rope_parameters");
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
        {
            json[key] = value?.DeepClone();
        }
    });

    /// <summary>Loads the configuration of llama-gqa with a change.</summary>
    private static ModelConfig Load(Action<JsonObject> change, string? generation = null)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.Folder("llama-gqa"), "config.json")))!.AsObject();
        change(json);
        using var folder = new TemporaryFolder();
        folder.Write("config.json", json.ToJsonString());
        if (generation is not null)
        {
            folder.Write("generation_config.json", generation);
        }

        return ModelConfig.Load(folder.Path);
    }
}
