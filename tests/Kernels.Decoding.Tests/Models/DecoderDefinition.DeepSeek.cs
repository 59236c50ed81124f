using static Kernels.Decoding.Tests.RandomDecoder;

namespace Kernels.Decoding.Tests;

/// <content>DeepSeek's latent attention, by the keys and values of each head, and its experts.</content>
internal sealed partial class DecoderDefinition
{
    private double[][] LatentAttention(string prefix, double[][] normed)
    {
        const double LatentEpsilon = 1e-6;
        int tokens = normed.Length;
        double[][] q = [.. normed.Select(row => model.ModelType == "deepseek_v3"
            ? Linear(prefix + "q_b_proj", Norm(prefix + "q_a_layernorm", Linear(prefix + "q_a_proj", row), LatentEpsilon))
            : Linear(prefix + "q_proj", row))];
        double[][] rows = [.. normed.Select(row => Linear(prefix + "kv_a_proj_with_mqa", row))];
        double[][] expanded =
            [.. rows.Select(row => Linear(prefix + "kv_b_proj", Norm(prefix + "kv_a_layernorm", row[..Rank], LatentEpsilon)))];
        double[][] turned = [.. rows.Select((row, t) => TurnPart(row[Rank..], t))];
        return [.. Enumerable.Range(0, tokens)
            .Select(t => Linear(prefix + "o_proj", [.. Enumerable.Range(0, QueryHeads).SelectMany(head => Head(t, head))]))];

        double[] Head(int t, int head)
        {
            double[] query = q[t][(head * (NopeDim + RopeDim))..((head + 1) * (NopeDim + RopeDim))];
            double[] rope = TurnPart(query[NopeDim..], t);
            int first = head * (NopeDim + ValueDim);
            double[] weights = [.. Enumerable.Range(0, t + 1).Select(s => Math.Exp(
                (Dot(query[..NopeDim], expanded[s][first..(first + NopeDim)]) + Dot(rope, turned[s])) / Math.Sqrt(NopeDim + RopeDim)))];
            return [.. Enumerable.Range(0, ValueDim)
                .Select(i => weights.Select((w, s) => w * expanded[s][first + NopeDim + i]).Sum() / weights.Sum())];
        }
    }

    private double[] TurnPart(double[] part, int position)
    {
        var result = new double[RopeDim];
        for (int pair = 0; pair < RopeDim / 2; pair++)
        {
            (int a, int b) = model.ModelType == "deepseek_v2" ? (2 * pair, (2 * pair) + 1) : (pair, pair + (RopeDim / 2));
            (double sine, double cosine) = Math.SinCos(position * Math.Pow(Theta, -2.0 * pair / RopeDim));
            (result[a], result[b]) = ((part[a] * cosine) - (part[b] * sine), (part[b] * cosine) + (part[a] * sine));
        }

        return result;
    }

    private double[] RoutedMixture(string prefix, double[] row)
    {
        bool isSigmoid = model.ModelType == "deepseek_v3";
        double[] logits = Linear(prefix + "gate", row);
        double[] scores = [.. logits.Select(l => isSigmoid ? 1 / (1 + Math.Exp(-l)) : Math.Exp(l) / logits.Sum(Math.Exp))];
        double[] choices = isSigmoid ? Sum(scores, [.. Values(prefix + "gate.e_score_correction_bias").Select(b => (double)b)]) : scores;
        int[] groups =
        [
            .. Enumerable.Range(0, Groups)
                .OrderByDescending(
                    group => choices.Chunk(RoutedExperts / Groups).ElementAt(group).OrderDescending().Take(isSigmoid ? 2 : 1).Sum())
                .Take(GroupsPerToken),
        ];
        int[] chosen =
            [.. Enumerable.Range(0, RoutedExperts).Where(e => groups.Contains(e / (RoutedExperts / Groups))).OrderByDescending(
                e => choices[e]).Take(ExpertsPerToken)];
        double sum = isSigmoid ? chosen.Sum(e => scores[e]) : 1;
        double[] result = Gated(prefix + "shared_experts.", row);
        foreach (int expert in chosen)
        {
            result = Sum(result, [.. Gated($"{prefix}experts.{expert}.", row).Select(v => v * scores[expert] / sum * RoutedScale)]);
        }

        return result;
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
