using static Kernels.Decoding.Tests.RandomDecoder;

namespace Kernels.Decoding.Tests;

/// <summary>The logits of a random decoder, straight from the definition of its architecture, in double precision.</summary>
internal sealed partial class DecoderDefinition(RandomDecoder model)
{
    private delegate double[] Row(double[] x);

    /// <summary>Logits after every token, [tokens, vocabulary].</summary>
    public double[] Logits(ReadOnlySpan<int> ids)
    {
        int tokens = ids.Length;
        double[][] x = new double[tokens][];
        for (int t = 0; t < tokens; t++)
        {
            double scale = model.IsGemma ? Math.Sqrt(Hidden) : 1;
            x[t] = [.. Values("model.embed_tokens.weight").Skip(ids[t] * Hidden).Take(Hidden).Select(v => v * scale)];
        }

        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            double[][] normed = [.. x.Select(row => Norm(prefix + "input_layernorm", row))];
            double[][] attended = model.IsDeepSeek ? LatentAttention(prefix + "self_attn.", normed) : Attention(layer, normed);
            for (int t = 0; t < tokens; t++)
            {
                if (model.ModelType == "gemma2")
                {
                    x[t] = Sum(x[t], Norm(prefix + "post_attention_layernorm", attended[t]));
                    x[t] = Sum(
                        x[t], Norm(
                            prefix + "post_feedforward_layernorm", FeedForward(prefix, Norm(prefix + "pre_feedforward_layernorm", x[t]))));
                }
                else
                {
                    x[t] = Sum(x[t], attended[t]);
                    x[t] = Sum(x[t], FeedForward(prefix, Norm(prefix + "post_attention_layernorm", x[t])));
                }
            }
        }

        Row cap = model.ModelType == "gemma2" ? row => [.. row.Select(v => LogitSoftcap * Math.Tanh(v / LogitSoftcap))] : row => row;
        return [.. x.SelectMany(row => cap(Linear(model.Tied ? "model.embed_tokens" : "lm_head", Norm("model.norm", row))))];
    }

    private double[][] Attention(int layer, double[][] normed)
    {
        string prefix = $"model.layers.{layer}.self_attn.";
        double[][] q = [.. normed.Select((row, t) => Turn(NormHeads(prefix + "q_norm", Linear(prefix + "q_proj", row)), t))];
        double[][] k = [.. normed.Select((row, t) => Turn(NormHeads(prefix + "k_norm", Linear(prefix + "k_proj", row)), t))];
        double[][] v = [.. normed.Select(row => Linear(prefix + "v_proj", row))];
        return [.. Enumerable.Range(0, normed.Length)
            .Select(t => Linear(prefix + "o_proj", [.. Enumerable.Range(0, QueryHeads).SelectMany(head => Head(t, head))]))];

        double[] Head(int t, int head)
        {
            int kv = head * KvHeads / QueryHeads;
            int first = Math.Max(0, t + 1 - (model.WindowOf(layer) ?? int.MaxValue));
            int[] seen = [.. Enumerable.Range(first, t + 1 - first)];
            double[] weights = [.. seen.Select(s => Math.Exp(Score(q[t], head, k[s], kv)))];
            double sink = model.ModelType == "gpt_oss" ? Math.Exp(Values(prefix + "sinks")[head]) : 0;
            return [.. Enumerable.Range(0, HeadDim)
                .Select(i => seen.Select((s, n) => weights[n] * v[s][(kv * HeadDim) + i]).Sum() / (weights.Sum() + sink))];
        }
    }

    private double Score(double[] q, int queryHead, double[] k, int kvHead)
    {
        double dot = Enumerable.Range(0, HeadDim).Sum(i => q[(queryHead * HeadDim) + i] * k[(kvHead * HeadDim) + i]);
        return model.ModelType == "gemma2"
            ? ScoreSoftcap * Math.Tanh(dot / Math.Sqrt(QueryScalar) / ScoreSoftcap)
            : dot / Math.Sqrt(HeadDim);
    }

    private double[] FeedForward(string prefix, double[] row)
    {
        if (model.ModelType == "gpt_oss")
        {
            return Mixture(prefix + "mlp.", row);
        }

        return model.Tensors.ContainsKey(prefix + "mlp.gate.weight") ? RoutedMixture(prefix + "mlp.", row) : Gated(prefix + "mlp.", row);
    }

    private double[] Gated(string prefix, double[] row)
    {
        double[] gate = Linear(prefix + "gate_proj", row);
        double[] up = Linear(prefix + "up_proj", row);
        return Linear(prefix + "down_proj", [.. gate.Select((g, i) => (model.IsGemma ? GeluTanh(g) : g / (1 + Math.Exp(-g))) * up[i])]);
    }

    private double[] Mixture(string prefix, double[] row)
    {
        double[] logits = Linear(prefix + "router", row);
        int[] chosen = [.. Enumerable.Range(0, Experts).OrderByDescending(e => logits[e]).Take(ExpertsPerToken)];
        double total = chosen.Sum(e => Math.Exp(logits[e]));
        var result = new double[Hidden];
        foreach (int expert in chosen)
        {
            double[] both = Expert(prefix + "experts.gate_up_proj", expert, row, 2 * Intermediate);
            double[] gated = new double[Intermediate];
            for (int i = 0; i < Intermediate; i++)
            {
                double gate = Math.Min(both[2 * i], GateLimit);
                double up = Math.Clamp(both[(2 * i) + 1], -GateLimit, GateLimit);
                gated[i] = gate / (1 + Math.Exp(-1.702 * gate)) * (up + 1);
            }

            double weight = Math.Exp(logits[expert]) / total;
            result = Sum(result, [.. Expert(prefix + "experts.down_proj", expert, gated, Hidden).Select(v => v * weight)]);
        }

        return result;
    }

    // Stored [experts, inputs, outputs].
    private double[] Expert(string name, int expert, double[] row, int outputs)
    {
        float[] w = Values(name);
        float[] bias = Values(name + "_bias");
        return [.. Enumerable.Range(0, outputs)
            .Select(o => bias[(expert * outputs) + o] + row.Select((v, i) => v * w[(((expert * row.Length) + i) * outputs) + o]).Sum())];
    }

    private static double GeluTanh(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

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

    private double[] NormHeads(string name, double[] heads) => model.ModelType == "qwen3"
        ? [.. heads.Chunk(HeadDim).SelectMany(head => Norm(name, head))] : heads;

    private double[] Norm(string name, double[] row, double epsilon = Epsilon)
    {
        double root = Math.Sqrt(row.Average(v => v * v) + epsilon);
        return [.. row.Select((v, i) => v / root * (Values(name + ".weight")[i] + (model.IsGemma ? 1.0 : 0)))];
    }

    private double[] Linear(string name, double[] row)
    {
        (int[] shape, float[] w) = model.Tensors[name + ".weight"];
        float[]? bias = model.Tensors.TryGetValue(name + ".bias", out StoredTensor? stored) ? stored.Values : null;
        return [.. Enumerable.Range(0, shape[0]).Select(r => row.Select((v, c) => v * w[(r * shape[1]) + c]).Sum() + (bias?[r] ?? 0))];
    }

    private float[] Values(string name) => model.Tensors[name].Values;
}
