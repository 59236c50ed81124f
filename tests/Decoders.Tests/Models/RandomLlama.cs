using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Kernels;

namespace Decoders.Tests;

/// <summary>A checkpoint of a small Llama with random weights, of any stored type, and its logits in double precision.</summary>
internal sealed class RandomLlama
{
    public const int Vocabulary = 37;
    public const int Hidden = 20;
    public const int Intermediate = 27;
    public const int Layers = 2;
    public const int QueryHeads = 6;
    public const int KvHeads = 2;
    public const int HeadDim = 10;
    private const double Epsilon = 1e-5;
    private const double Theta = 1000;

    private readonly Dictionary<string, (int[] Shape, float[] Values)> tensors = new(StringComparer.Ordinal);
    private readonly string type;
    private readonly bool bias;
    private readonly bool tied;

    public RandomLlama(string type, bool bias, bool tied)
    {
        this.type = type;
        this.bias = bias;
        this.tied = tied;
        var random = new Random(7);
        Add("model.embed_tokens.weight", Vocabulary, Hidden);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            Add(prefix + "input_layernorm.weight", Hidden);
            Add(prefix + "post_attention_layernorm.weight", Hidden);
            AddLinear(prefix + "self_attn.q_proj", QueryHeads * HeadDim, Hidden);
            AddLinear(prefix + "self_attn.k_proj", KvHeads * HeadDim, Hidden);
            AddLinear(prefix + "self_attn.v_proj", KvHeads * HeadDim, Hidden);
            AddLinear(prefix + "self_attn.o_proj", Hidden, QueryHeads * HeadDim);
            AddLinear(prefix + "mlp.gate_proj", Intermediate, Hidden);
            AddLinear(prefix + "mlp.up_proj", Intermediate, Hidden);
            AddLinear(prefix + "mlp.down_proj", Hidden, Intermediate);
        }

        Add("model.norm.weight", Hidden);
        if (!tied)
        {
            Add("lm_head.weight", Vocabulary, Hidden);
        }

        void AddLinear(string name, int rows, int columns)
        {
            Add(name + ".weight", rows, columns);
            if (bias)
            {
                Add(name + ".bias", rows);
            }
        }

        void Add(string name, params int[] shape)
        {
            var values = new float[shape.Aggregate((a, b) => a * b)];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = Round((float)((random.NextDouble() * 2) - 1));
            }

            tensors.Add(name, (shape, values));
        }
    }

    /// <summary>Writes the checkpoint; in more than one file if there is to be an index.</summary>
    public void Write(TemporaryFolder folder, int files = 1, Action<JsonObject>? changeConfig = null, Action<Dictionary<string, (int[] Shape, float[] Values)>>? changeTensors = null)
    {
        var config = new JsonObject
        {
            ["model_type"] = "llama",
            ["vocab_size"] = Vocabulary,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Intermediate,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = QueryHeads,
            ["num_key_value_heads"] = KvHeads,
            ["head_dim"] = HeadDim,
            ["max_position_embeddings"] = 64,
            ["rms_norm_eps"] = Epsilon,
            ["rope_theta"] = Theta,
            ["attention_bias"] = bias,
            ["mlp_bias"] = bias,
            ["tie_word_embeddings"] = tied,
        };
        changeConfig?.Invoke(config);
        folder.Write("config.json", config.ToJsonString());
        var written = new Dictionary<string, (int[] Shape, float[] Values)>(tensors, StringComparer.Ordinal);
        changeTensors?.Invoke(written);
        if (files == 1)
        {
            folder.Write(SafeTensors.SingleFileName, File(written));
            return;
        }

        var map = new JsonObject();
        for (int file = 0; file < files; file++)
        {
            string name = $"model-{file + 1:D5}-of-{files:D5}.safetensors";
            var part = written.Where((_, i) => i % files == file).ToDictionary();
            folder.Write(name, File(part));
            foreach (string tensor in part.Keys)
            {
                map[tensor] = name;
            }
        }

        folder.Write(SafeTensors.IndexFileName, new JsonObject { ["weight_map"] = map }.ToJsonString());
    }

    /// <summary>Logits after every token, [tokens, vocabulary], straight from the definition of the architecture.</summary>
    public double[] Logits(ReadOnlySpan<int> ids)
    {
        int tokens = ids.Length;
        double[][] x = new double[tokens][];
        for (int t = 0; t < tokens; t++)
        {
            x[t] = [.. tensors["model.embed_tokens.weight"].Values.Skip(ids[t] * Hidden).Take(Hidden).Select(v => (double)v)];
        }

        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            double[][] normed = [.. x.Select(row => Norm(prefix + "input_layernorm", row))];
            double[][] q = [.. normed.Select((row, t) => Turn(Linear(prefix + "self_attn.q_proj", row), t))];
            double[][] k = [.. normed.Select((row, t) => Turn(Linear(prefix + "self_attn.k_proj", row), t))];
            double[][] v = [.. normed.Select(row => Linear(prefix + "self_attn.v_proj", row))];
            for (int t = 0; t < tokens; t++)
            {
                var attended = new double[QueryHeads * HeadDim];
                for (int head = 0; head < QueryHeads; head++)
                {
                    int kv = head * KvHeads / QueryHeads;
                    double[] weights = [.. Enumerable.Range(0, t + 1).Select(s => Math.Exp(Dot(q[t], head, k[s], kv) / Math.Sqrt(HeadDim)))];
                    for (int i = 0; i < HeadDim; i++)
                    {
                        attended[(head * HeadDim) + i] = weights.Select((w, s) => w * v[s][(kv * HeadDim) + i]).Sum() / weights.Sum();
                    }
                }

                x[t] = Sum(x[t], Linear(prefix + "self_attn.o_proj", attended));
                double[] middle = Norm(prefix + "post_attention_layernorm", x[t]);
                double[] gate = Linear(prefix + "mlp.gate_proj", middle);
                double[] up = Linear(prefix + "mlp.up_proj", middle);
                x[t] = Sum(x[t], Linear(prefix + "mlp.down_proj", [.. gate.Select((g, i) => g / (1 + Math.Exp(-g)) * up[i])]));
            }
        }

        string output = tied ? "model.embed_tokens" : "lm_head";
        return [.. x.SelectMany(row => Linear(output, Norm("model.norm", row)))];
    }

    private static double Dot(double[] q, int queryHead, double[] k, int kvHead) =>
        Enumerable.Range(0, HeadDim).Sum(i => q[(queryHead * HeadDim) + i] * k[(kvHead * HeadDim) + i]);

    private static double[] Sum(double[] a, double[] b) => [.. a.Select((v, i) => v + b[i])];

    private static double[] Turn(double[] heads, int position)
    {
        var result = new double[heads.Length];
        for (int i = 0; i < heads.Length; i++)
        {
            int dim = i % HeadDim;
            int pair = dim % (HeadDim / 2);
            double angle = position * Math.Pow(Theta, -2.0 * pair / HeadDim);
            double other = dim < HeadDim / 2 ? -heads[i + (HeadDim / 2)] : heads[i - (HeadDim / 2)];
            result[i] = (heads[i] * Math.Cos(angle)) + (other * Math.Sin(angle));
        }

        return result;
    }

    private double[] Norm(string name, double[] row)
    {
        double root = Math.Sqrt(row.Average(v => v * v) + Epsilon);
        return [.. row.Select((v, i) => v / root * tensors[name + ".weight"].Values[i])];
    }

    private double[] Linear(string name, double[] row)
    {
        (int[] shape, float[] w) = tensors[name + ".weight"];
        var result = new double[shape[0]];
        for (int r = 0; r < result.Length; r++)
        {
            result[r] = row.Select((v, c) => v * w[(r * shape[1]) + c]).Sum() + (tensors.TryGetValue(name + ".bias", out (int[] Shape, float[] Values) b) ? b.Values[r] : 0);
        }

        return result;
    }

    private float Round(float value) => type switch
    {
        "F16" => (float)(Half)value,
        "BF16" => (BFloat16)value,
        _ => value,
    };

    private byte[] File(Dictionary<string, (int[] Shape, float[] Values)> part)
    {
        var header = new JsonObject();
        var data = new List<byte>();
        foreach ((string name, (int[] shape, float[] values)) in part)
        {
            int begin = data.Count;
            data.AddRange(type switch
            {
                "F16" => MemoryMarshal.AsBytes<Half>(values.Select(v => (Half)v).ToArray()),
                "BF16" => MemoryMarshal.AsBytes<BFloat16>(values.Select(v => (BFloat16)v).ToArray()),
                _ => MemoryMarshal.AsBytes<float>(values),
            });
            header[name] = new JsonObject
            {
                ["dtype"] = type,
                ["shape"] = new JsonArray([.. shape.Select(extent => JsonValue.Create(extent))]),
                ["data_offsets"] = new JsonArray(begin, data.Count),
            };
        }

        return SafeTensorsBuilder.File(header.ToJsonString(), [.. data]);
    }
}
