using System.Text.Json.Nodes;
using Kernels.OpenCL;
using Xunit;

namespace Kernels.Decoding.Tests;

/// <summary>GGUF files of small models in every type, against the same weights, dequantised, in safetensors.</summary>
[Collection(DeviceCollection.Name)]
public sealed class GgufTests(Devices devices)
{
    private static readonly Dictionary<string, string> Modules = new()
    {
        ["input_layernorm"] = "attn_norm", ["post_attention_layernorm"] = "ffn_norm", ["self_attn.q_proj"] = "attn_q",
            ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v", ["self_attn.o_proj"] = "attn_output", ["self_attn.q_norm"] = "attn_q_norm",
            ["self_attn.k_norm"] = "attn_k_norm",
        ["mlp.gate_proj"] = "ffn_gate", ["mlp.up_proj"] = "ffn_up", ["mlp.down_proj"] = "ffn_down",
    };

    [SkippableTheory]
    [InlineData("llama-gqa", "F32", "F32")]
    [InlineData("llama-gqa", "F16", "F16")]
    [InlineData("llama-gqa", "Q8_0", "Q8_0")]
    [InlineData("llama-gqa", "Q4_0", "Q8_0")]
    [InlineData("qwen3-qknorm", "Q4_1", "Q4_0")]
    [InlineData("qwen3-qknorm", "Q5_0", "BF16")]
    [InlineData("gemma2-softcap-window", "Q8_0", "Q8_0")]
    [InlineData("wide", "Q4_K", "Q6_K")]
    [InlineData("wide", "Q5_K", "Q4_K")]
    [InlineData("wide", "Q6_K", "Q6_K")]
    public void AgreesWithTheDequantisedWeights(string name, string type, string embedding)
    {
        ComputeDevice device = devices.OpenFirst();
        (JsonObject config, Dictionary<string, StoredTensor> weights) = Model(name);
        using var folder = new TemporaryFolder();
        using var reference = new TemporaryFolder();

        // As llama.cpp mixes them: values in more bits than queries and keys, so that not all of a layer can be one matrix.
        (byte[] file, Dictionary<string, StoredTensor> left) = Write(config, weights, tensor =>
            tensor.Contains("norm", StringComparison.Ordinal) || tensor.EndsWith("bias", StringComparison.Ordinal) ? "F32"
            : tensor is "model.embed_tokens.weight" or "lm_head.weight" ? embedding
            : type == "Q4_K" && tensor.Contains("v_proj", StringComparison.Ordinal) ? "Q6_K" : type);
        string path = folder.Write("model.gguf", file);
        reference.Write("config.json", config.ToJsonString());
        StoredTensors.Write(reference, left, "F32");

        int vocabulary = weights["model.embed_tokens.weight"].Shape[0];
        int[] tokens = [.. Enumerable.Range(0, 21).Select(i => i * 7 % vocabulary)];
        float[] expected = Logits(device, reference.Path, tokens), actual = Logits(device, path, tokens);
        Assert.True(expected.Max(Math.Abs) > 0.1);
        Assert.All(
            actual.Index(),
            p =>
                Assert.True(
                    Math.Abs(p.Item - expected[p.Index]) <= 2e-4 * (1 + Math.Abs(expected[p.Index])),
                    $"logit {p.Index} is {p.Item}, not {expected[p.Index]}"));

        // The folder means the file that is in it.
        Assert.Equal(actual, Logits(device, folder.Path, tokens));
    }

    [Fact]
    public void Llama3sFrequenciesAreFoundAgain()
    {
        (JsonObject config, Dictionary<string, StoredTensor> weights) = Model("wide");
        config["rope_theta"] = 500000.0;
        int half = 32;
        float[] factors = new float[half];
        for (int i = 0; i < half; i++)
        {
            double wavelength = 2 * Math.PI * Math.Pow(500000, i / (double)half), original = 8192;
            double smooth = Math.Clamp(((original / wavelength) - 1) / 3, 0, 1);
            factors[i] = (float)(1 / (((1 - smooth) / 32) + smooth));
        }

        using var folder = new TemporaryFolder();
        (byte[] file, _) = Write(
            config, weights, _ => "F32",
            builder => builder.Add("rope_freqs.weight", [half], 0, GgufQuantizer.Quantize(factors, "F32").Data));
        RopeConfig rope = ModelConfig.Load(folder.Write("m.gguf", file)).Layers[0].Rope!;
        Assert.Equal(
            (RopeScaling.Llama3, 32.0, 8192, 1.0, 4.0),
            (rope.Scaling, rope.Factor, rope.OriginalPositions, rope.LowFrequencyFactor, rope.HighFrequencyFactor));

        (file, _) = Write(
            config, weights, _ => "F32",
            builder => builder.Add("rope_freqs.weight", [half], 0, GgufQuantizer.Quantize([.. factors.Reverse()], "F32").Data));
        string path = folder.Write("w.gguf", file);
        Assert.Contains("rope_freqs.weight", Assert.Throws<CheckpointException>(() => ModelConfig.Load(path)).Message);
    }

    [Fact]
    public void MetadataIsTyped()
    {
        using var folder = new TemporaryFolder();
        byte[] bytes = new GgufBuilder
        {
            Version = 2,
        }.Set("general.architecture", "llama").Set("tokenizer.ggml.model", "gpt2").Set("tokenizer.ggml.pre", "llama-bpe")
            .Set("tokenizer.ggml.tokens", "a", "b", "ab").Set("tokenizer.ggml.merges", (string[])["a b"])
            .Set("tokenizer.ggml.token_type", 1, 3, 1).Set("tokenizer.ggml.bos_token_id", 2u)
            .Set("tokenizer.ggml.add_bos_token", true).Set("tokenizer.chat_template", "{{ x }}").Set("f", 1.5f)
            .Raw("i8", 1, 0xff).Raw("u16", 2, 1, 2).Raw("i16", 3, 0xff, 0xff).Raw("i64", 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
            .Raw("f64", 12, BitConverter.GetBytes(0.1)).Raw("u64", 10, BitConverter.GetBytes(7ul)).Raw("u8", 0, 9)
            .Raw(
                "nested", 9,
                [.. BitConverter.GetBytes(9u), .. BitConverter.GetBytes(1ul), .. BitConverter.GetBytes(4u), .. BitConverter.GetBytes(2ul),
                    1, 0, 0, 0, 2, 0, 0, 0])
            .Build();
        using GgufFile file = GgufFile.Open(folder.Write("m.gguf", bytes));
        Assert.Equal(
            ("llama", "gpt2", "llama-bpe", "{{ x }}"), (file.Architecture, file.TokenizerModel, file.PreTokenizer, file.ChatTemplate));
        Assert.Equal(["a", "b", "ab"], file.Tokens.ToArray());
        Assert.Equal(["a b"], file.Merges.ToArray());
        Assert.Equal([1, 3, 1], file.TokenTypes.ToArray());
        Assert.Equal((2, (int?)null, (bool?)true), (file.BosTokenId, file.EosTokenId, file.AddsBos));
        Assert.Equal(
            (1.5, -1.0, 513.0, -1.0),
            (file.OptionalNumber("f"), file.OptionalNumber("i8"), file.OptionalNumber("u16"), file.OptionalNumber("i16")));
        Assert.Equal(
            (-1.0, 0.1, 7, 9),
            (file.OptionalNumber("i64"), file.OptionalNumber("f64"), file.OptionalCount("u64"), file.OptionalCount("u8")));
        Assert.Empty(file.Scores);
        Assert.Throws<CheckpointException>(() => file.OptionalCount("i8"));
        Assert.Throws<CheckpointException>(() => file.OptionalText("f"));
        Assert.Throws<CheckpointException>(() => file.Numbers("nested"));
    }

    [Fact]
    public void WhatIsNotReadIsNamed()
    {
        using var folder = new TemporaryFolder();
        (JsonObject config, Dictionary<string, StoredTensor> weights) = Model("llama-gqa");
        string unknown = folder.Write("a.gguf", new GgufBuilder().Set("general.architecture", "mamba").Build());
        Assert.Contains("'mamba'", Assert.Throws<CheckpointException>(() => ModelConfig.Load(unknown)).Message);

        // A type that nobody reads is refused when it is read, not before.
        (byte[] file, _) = Write(
            config, weights, _ => "F32", builder => builder.Add("blk.0.unused.weight", [2, 256], 10, new byte[168])
                .Add("other", [4], 99, new byte[32]));
        using (GgufFile opened = GgufFile.Open(folder.Write("b.gguf", file)))
        {
            Assert.Equal("Q2_K [2, 256]", opened.Tensor("blk.0.unused.weight")!.ToString());
        }

        ComputeDevice device = devices.OpenFirst();
        Assert.NotEmpty(Logits(device, folder.File("b.gguf"), [1]));
        weights["model.norm.weight"] = weights["model.norm.weight"] with { Shape = [1, weights["model.norm.weight"].Shape[0]] };
        (file, _) = Write(config, weights.Where(t => !t.Key.Contains("layers.1.mlp.up_proj")).ToDictionary(), _ => "F32");
        string missing = folder.Write("c.gguf", file);
        CheckpointException error = Assert.Throws<CheckpointException>(() => Logits(device, missing, [1]));
        Assert.Contains("blk.1.ffn_up.weight", error.Message);
    }

    private static float[] Logits(ComputeDevice device, string path, int[] tokens)
    {
        using Decoder decoder = Decoder.Load(
            device, path, sequences: 1, capacity: 64, AttentionCatalog.With(CacheKind.Contiguous, type: ElementType.Float32));
        var logits = new float[tokens.Length * decoder.Config.VocabularySize];
        decoder.Forward(0, tokens, LogitRows.All, logits);
        return logits;
    }

    private static (JsonObject Config, Dictionary<string, StoredTensor> Weights) Model(string name)
    {
        if (name != "wide")
        {
            string folder = TestData.Folder(name);
            return (JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject(), StoredTensors.Read(folder));
        }

        var random = new Random(3);
        var weights = new Dictionary<string, StoredTensor>
        {
            ["model.embed_tokens.weight"] = Matrix(90, 256), ["model.norm.weight"] = Ones(256), ["lm_head.weight"] = Matrix(90, 256),
        };
        for (int layer = 0; layer < 2; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            foreach ((string module, int rows, int columns) in ((string, int, int)[])
                [("self_attn.q_proj", 256, 256), ("self_attn.k_proj", 128, 256), ("self_attn.v_proj", 128, 256),
                    ("self_attn.o_proj", 256, 256), ("mlp.gate_proj", 512, 256), ("mlp.up_proj", 512, 256), ("mlp.down_proj", 256, 512)])
            {
                weights[$"{prefix}{module}.weight"] = Matrix(rows, columns);
            }

            weights[prefix + "input_layernorm.weight"] = weights[prefix + "post_attention_layernorm.weight"] = Ones(256);
        }

        return (JsonNode.Parse("""
            {"model_type": "llama", "hidden_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 512,
             "vocab_size": 90, "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false}
            """)!.AsObject(), weights);

        StoredTensor Matrix(int rows, int columns) =>
            new([rows, columns], [.. Enumerable.Range(0, rows * columns).Select(_ => (float)((random.NextDouble() - 0.45) * 0.15))]);
        StoredTensor Ones(int length) =>
            new([length], [.. Enumerable.Range(0, length).Select(_ => 1 + (float)(random.NextDouble() * 0.2))]);
    }

    /// <summary>A GGUF file of a model, and what its weights have become.</summary>
    private static (byte[] File, Dictionary<string, StoredTensor> Left) Write(
        JsonObject config, Dictionary<string, StoredTensor> weights, Func<string, string> typeOf, Action<GgufBuilder>? add = null)
    {
        string type = (string)config["model_type"]!;
        bool gemma = type.StartsWith("gemma", StringComparison.Ordinal);
        int heads = (int)config["num_attention_heads"]!, keyHeads = (int)config["num_key_value_heads"]!;
        int dim = config["head_dim"] is { } own ? (int)own : (int)config["hidden_size"]! / heads;
        double theta = config["rope_theta"] is { } old ? (double)old : (double)config["rope_parameters"]!["rope_theta"]!;
        GgufBuilder builder = new GgufBuilder().Set("general.architecture", type)
            .Set($"{type}.block_count", (uint)config["num_hidden_layers"]!)
            .Set($"{type}.context_length", (uint)config["max_position_embeddings"]!)
            .Set($"{type}.embedding_length", (uint)config["hidden_size"]!)
            .Set($"{type}.feed_forward_length", (uint)config["intermediate_size"]!).Set($"{type}.attention.head_count", (uint)heads)
            .Set($"{type}.attention.head_count_kv", (uint)keyHeads).Set($"{type}.attention.key_length", (uint)dim)
            .Set($"{type}.attention.layer_norm_rms_epsilon", (float)config["rms_norm_eps"]!).Set($"{type}.rope.freq_base", (float)theta);
        if (gemma)
        {
            builder.Set($"{type}.attention.sliding_window", (uint)config["sliding_window"]!);
            builder.Set($"{type}.attn_logit_softcapping", (float)config["attn_logit_softcapping"]!);
            builder.Set($"{type}.final_logit_softcapping", (float)config["final_logit_softcapping"]!);
        }

        var left = new Dictionary<string, StoredTensor>();
        foreach ((string name, StoredTensor tensor) in weights)
        {
            int columns = tensor.Shape[^1];
            float[] values = tensor.Values;
            bool pairs = type == "llama" && (name.Contains("q_proj") || name.Contains("k_proj"));
            int count = name.Contains("q_proj") ? heads : keyHeads;
            if (pairs)
            {
                values = Reorder(values, columns, count, toPairs: true);
            }

            if (gemma && name.EndsWith("norm.weight", StringComparison.Ordinal))
            {
                values = [.. values.Select(v => v + 1)];
            }

            string stored = typeOf(name);
            (byte[] data, values) = GgufQuantizer.Quantize(values, stored);
            builder.Add(NameOf(name, gemma), tensor.Shape, GgufQuantizer.Types[stored].Number, data);
            left[name] = tensor with
            {
                Values = pairs ? Reorder(values, columns, count, toPairs: false)
                    : gemma && name.EndsWith("norm.weight", StringComparison.Ordinal) ? [.. values.Select(v => v - 1)] : values,
            };
        }

        add?.Invoke(builder);
        return (builder.Build(), left);
    }

    // Element i and i + half of a head next to each other, as llama.cpp's converter puts them.
    private static float[] Reorder(float[] values, int columns, int heads, bool toPairs)
    {
        float[][] rows = [.. values.Chunk(columns)];
        int dim = rows.Length / heads;
        var result = new float[rows.Length][];
        for (int row = 0; row < rows.Length; row++)
        {
            (int head, int i) = (row / dim, row % dim);
            int paired = (head * dim) + (i < dim / 2 ? 2 * i : (2 * (i - (dim / 2))) + 1);
            (int from, int to) = toPairs ? (row, paired) : (paired, row);
            result[to] = rows[from];
        }

        return [.. result.SelectMany(r => r)];
    }

    private static string NameOf(string name, bool gemma)
    {
        switch (name)
        {
            case "model.embed_tokens.weight":
                return "token_embd.weight";
            case "model.norm.weight":
                return "output_norm.weight";
            case "lm_head.weight":
                return "output.weight";
        }

        string[] parts = name.Split('.');
        string module = string.Join('.', parts[3..^1]);
        string own = gemma && module.EndsWith("feedforward_layernorm", StringComparison.Ordinal)
            ? (module[1] == 'r' ? "ffn_norm" : "post_ffw_norm")
            : gemma && module == "post_attention_layernorm" ? "post_attention_norm" : Modules[module];
        return $"blk.{parts[2]}.{own}.{parts[^1]}";
    }
}
