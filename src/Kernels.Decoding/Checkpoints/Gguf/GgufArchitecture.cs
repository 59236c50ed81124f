using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kernels.Decoding;

/// <summary>
/// How a family of models is written in GGUF: its tensors' names, and its metadata as Hugging Face's configuration has it.
/// </summary>
internal sealed record GgufArchitecture
{
    private static readonly Dictionary<string, string> Outer = new(StringComparer.Ordinal)
    {
        ["token_embd"] = "model.embed_tokens", ["output_norm"] = "model.norm", ["output"] = "lm_head",
    };

    private static readonly Dictionary<string, string> Llama = new(StringComparer.Ordinal)
    {
        ["attn_norm"] = "input_layernorm", ["ffn_norm"] = "post_attention_layernorm",
        ["attn_q"] = "self_attn.q_proj", ["attn_k"] = "self_attn.k_proj", ["attn_v"] = "self_attn.v_proj",
            ["attn_output"] = "self_attn.o_proj",
        ["attn_q_norm"] = "self_attn.q_norm", ["attn_k_norm"] = "self_attn.k_norm",
        ["ffn_gate"] = "mlp.gate_proj", ["ffn_up"] = "mlp.up_proj", ["ffn_down"] = "mlp.down_proj",
    };

    private static readonly Dictionary<string, string> Gemma2 = new(Llama, StringComparer.Ordinal)
    {
        ["post_attention_norm"] = "post_attention_layernorm", ["ffn_norm"] = "pre_feedforward_layernorm",
            ["post_ffw_norm"] = "post_feedforward_layernorm",
    };

    private static readonly Dictionary<string, string> Phi3 = new(Llama, StringComparer.Ordinal)
    {
        ["attn_qkv"] = "self_attn.qkv_proj", ["ffn_up"] = "mlp.gate_up_proj",
    };

    private static readonly GgufArchitecture[] All =
    [
        new() { Name = "llama", ModelType = "llama", Layer = Llama, PairsRows = true },
        new() { Name = "qwen2", ModelType = "qwen2", Layer = Llama },
        new() { Name = "qwen3", ModelType = "qwen3", Layer = Llama },
        new() { Name = "gemma", ModelType = "gemma", Layer = Llama, AddsOneToNorms = true },
        new() { Name = "gemma2", ModelType = "gemma2", Layer = Gemma2, AddsOneToNorms = true },
        new() { Name = "gemma3", ModelType = "gemma3_text", Layer = Gemma2, AddsOneToNorms = true },
        new() { Name = "phi3", ModelType = "phi3", Layer = Phi3 },
    ];

    /// <summary>The value of <c>general.architecture</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The value of <c>model_type</c> in Hugging Face's configuration.</summary>
    public required string ModelType { get; init; }

    /// <summary>The modules of a layer, by their names in GGUF.</summary>
    public required Dictionary<string, string> Layer { get; init; }

    /// <summary>Whether rows of queries and keys that turn together lie side by side.</summary>
    public bool PairsRows { get; init; }

    /// <summary>Whether 1 was added to the weights of norms.</summary>
    public bool AddsOneToNorms { get; init; }

    /// <summary>The architecture of a file.</summary>
    /// <exception cref="CheckpointException">There is no code for it.</exception>
    public static GgufArchitecture Of(GgufFile file) => Array.Find(All, architecture => architecture.Name == file.Architecture)
        ?? throw file.Wrong(
            $"is of the architecture '{file.Architecture}', which is not read from GGUF; read are "
            + $"{string.Join(", ", All.Select(a => a.Name))}. "
            + "The model's safetensors files may be read");

    /// <summary>Hugging Face's name of a tensor; null for those that are not weights of the model's layers.</summary>
    public string? HuggingFaceName(string tensor)
    {
        if (tensor.StartsWith("blk.", StringComparison.Ordinal))
        {
            return tensor.Split('.') is [_, var number, var module, "weight" or "bias"] parts && Layer.TryGetValue(module, out string? name)
                ? $"model.layers.{number}.{name}.{parts[3]}" : null;
        }

        return tensor.Split('.') is [var outer, "weight" or "bias"] both && Outer.TryGetValue(outer, out string? own)
            ? $"{own}.{both[1]}" : null;
    }

    /// <summary>The name in GGUF of a tensor, for messages; null if there is none.</summary>
    public string? GgufName(string name)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0)
        {
            return null;
        }

        (string module, string kind) = (name[..dot], name[dot..]);
        if (Outer.FirstOrDefault(pair => pair.Value == module).Key is { } outer)
        {
            return outer + kind;
        }

        const string Prefix = "model.layers.";
        int end = module.StartsWith(Prefix, StringComparison.Ordinal) ? module.IndexOf('.', Prefix.Length) : -1;
        return end > 0 && Layer.FirstOrDefault(pair => pair.Value == module[(end + 1)..]).Key is { } inner
            ? $"blk.{module[Prefix.Length..end]}.{inner}{kind}" : null;
    }

    /// <summary>The metadata as Hugging Face's <c>config.json</c> would have it.</summary>
    /// <exception cref="CheckpointException">A key is missing or wrong.</exception>
    public JsonDocument Configuration(GgufFile file)
    {
        int hidden = Count("embedding_length"), layers = Count("block_count"), heads = Count("attention.head_count");
        int dim = Optional("attention.key_length") ?? (heads > 0 ? hidden / heads : 0);
        int context = Count("context_length");
        TensorInfo embedding = file.Tensor("token_embd.weight") ?? throw file.Wrong("has no tensor 'token_embd.weight'");
        var json = new JsonObject
        {
            ["model_type"] = ModelType,
            ["hidden_size"] = hidden,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = Optional("attention.head_count_kv") ?? heads,
            ["head_dim"] = dim,
            ["intermediate_size"] = Count("feed_forward_length"),
            ["max_position_embeddings"] = context,
            ["rms_norm_eps"] = Rounded(
                file.OptionalNumber($"{Name}.attention.layer_norm_rms_epsilon") ?? throw Missing("attention.layer_norm_rms_epsilon")),
            ["vocab_size"] = embedding.Shape.Length == 2
                ? embedding.Shape[0] : throw file.Wrong($"tensor 'token_embd.weight' is {embedding}, not a matrix"),
            ["rope_theta"] = file.OptionalNumber($"{Name}.rope.freq_base") ?? 10000,
            ["tie_word_embeddings"] = file.Tensor("output.weight") is null,
            ["attention_bias"] = file.Tensor("blk.0.attn_q.bias") is not null,
            ["mlp_bias"] = file.Tensor("blk.0.ffn_down.bias") is not null,
            ["hidden_act"] = AddsOneToNorms ? "gelu_pytorch_tanh" : "silu",
            ["bos_token_id"] = file.BosTokenId,
            ["eos_token_id"] = new JsonArray(
                [.. new[] { file.EosTokenId, file.EotTokenId }.OfType<int>().Distinct().Select(id => (JsonNode)id)]),
        };
        if (AddsOneToNorms)
        {
            json["hidden_activation"] = "gelu_pytorch_tanh";
        }

        int rotary = Optional("rope.dimension_count") ?? dim;
        if (dim > 0 && rotary < dim)
        {
            json["partial_rotary_factor"] = (double)rotary / dim;
        }

        if (Scaling(file, context, rotary) is { } scaling)
        {
            json["rope_scaling"] = scaling;
        }

        AddGemma(file, json, hidden, layers, heads, dim);
        if (ModelType == "phi3")
        {
            json["original_max_position_embeddings"] = Optional("rope.scaling.original_context_length") ?? context;
            json["sliding_window"] = Optional("attention.sliding_window") is > 0 and int window ? window : null;
            json["pad_token_id"] = null;
        }

        return JsonDocument.Parse(json.ToJsonString());

        int Count(string key) => Optional(key) ?? throw Missing(key);
        int? Optional(string key) => file.OptionalCount($"{Name}.{key}");
        CheckpointException Missing(string key) => file.Wrong($"has no key '{Name}.{key}'");
    }

    // A float32 that was written in decimal: 1e-5, not 9.99999974737875E-06.
    private static double Rounded(double value) =>
        double.Parse(
            ((float)value).ToString("R", System.Globalization.CultureInfo.InvariantCulture),
            System.Globalization.CultureInfo.InvariantCulture);

    private void AddGemma(GgufFile file, JsonObject json, int hidden, int layers, int heads, int dim)
    {
        if (ModelType is not ("gemma2" or "gemma3_text"))
        {
            return;
        }

        // The scale is not in the file; of both families only the model of 27 billion has another than its heads' size.
        bool largest = layers == (ModelType == "gemma2" ? 46 : 62);
        json["query_pre_attn_scalar"] = largest && heads > 0 ? (double)hidden / heads : dim;
        json["sliding_window"] = file.OptionalCount($"{Name}.attention.sliding_window") ?? (ModelType == "gemma2" ? 4096 : 1024);
        if (ModelType == "gemma2")
        {
            json["attn_logit_softcapping"] = file.OptionalNumber($"{Name}.attn_logit_softcapping") ?? 50;
            json["final_logit_softcapping"] = file.OptionalNumber($"{Name}.final_logit_softcapping") ?? 30;
        }
        else
        {
            json["rope_theta"] = file.OptionalNumber($"{Name}.rope.freq_base") ?? 1_000_000;
            json["rope_local_base_freq"] = 10000;
            json["sliding_window_pattern"] = file.OptionalCount($"{Name}.attention.sliding_window_pattern") ?? 6;
        }
    }

    private JsonObject? Scaling(GgufFile file, int context, int rotary)
    {
        string? type = file.OptionalText($"{Name}.rope.scaling.type");
        double factor = file.OptionalNumber($"{Name}.rope.scaling.factor") ?? 1;
        int? original = file.OptionalCount($"{Name}.rope.scaling.original_context_length");
        if (file.Tensor("rope_freqs.weight") is not null)
        {
            return Llama3(file, rotary);
        }

        if (file.Tensor("rope_factors_long.weight") is not null)
        {
            var longrope = new JsonObject
            {
                ["type"] = "longrope", ["rope_type"] = "longrope",
                ["long_factor"] = Factors(file, "rope_factors_long.weight"), ["short_factor"] = Factors(file, "rope_factors_short.weight"),
            };
            if (file.OptionalNumber($"{Name}.rope.scaling.attn_factor") is { } attention)
            {
                longrope["attention_factor"] = attention;
            }

            return longrope;
        }

        return type switch
        {
            null or "none" or "" => null,
            "linear" => factor == 1 ? null : new JsonObject { ["rope_type"] = "linear", ["factor"] = factor },
            "yarn" => new JsonObject
            {
                ["rope_type"] = "yarn",
                ["factor"] = factor,
                ["original_max_position_embeddings"] = original ?? context,
            },
            _ => throw file.Wrong($"'{Name}.rope.scaling.type' is '{type}', which is not supported; supported: none, linear, yarn"),
        };
    }

    // Llama 3 has what each frequency is divided by in place of the numbers that it comes from, of which all published models have
    // two in common; the others are found, and must give what the file has.
    private JsonObject Llama3(GgufFile file, int rotary)
    {
        double[] factors = ReadVector(file, "rope_freqs.weight");
        double theta = file.OptionalNumber($"{Name}.rope.freq_base") ?? 10000, factor = factors.Length > 0 ? factors.Max() : 0;
        const double Low = 1, High = 4;
        for (int original = 16; factors.Length == rotary / 2 && original <= 1 << 24; original *= 2)
        {
            int positions = original;
            if (factors.Select((f, i) => Math.Abs(f - Divisor(2 * Math.PI * Math.Pow(theta, 2.0 * i / rotary), positions)))
                .All(difference => difference < 1e-3 * factor))
            {
                return new JsonObject
                {
                    ["rope_type"] = "llama3", ["factor"] = factor, ["low_freq_factor"] = Low, ["high_freq_factor"] = High,
                        ["original_max_position_embeddings"] = original,
                };
            }
        }

        throw file.Wrong("tensor 'rope_freqs.weight' is not what Llama 3's scaling of rope gives; no other is supported there");

        double Divisor(double wavelength, int positions)
        {
            double smooth = Math.Clamp(((positions / wavelength) - Low) / (High - Low), 0, 1);
            return 1 / (((1 - smooth) / factor) + smooth);
        }
    }

    private static JsonArray Factors(GgufFile file, string tensor) => new([.. ReadVector(file, tensor).Select(f => (JsonNode)f)]);

    private static unsafe double[] ReadVector(GgufFile file, string tensor)
    {
        TensorInfo info = file.Tensor(tensor) ?? throw file.Wrong($"has no tensor '{tensor}'");
        return info is { Type: TensorType.Float32, Shape.Length: 1, Length: <= 1 << 16 }
            ? [.. new ReadOnlySpan<float>(file.Address(tensor), (int)info.Length).ToArray().Select(f => (double)f)]
            : throw file.Wrong($"tensor '{tensor}' is {info}, not a vector of F32");
    }
}
