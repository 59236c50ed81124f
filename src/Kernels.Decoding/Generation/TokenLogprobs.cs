using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>How likely a token was, by the model's own logits: before penalties, biases, masks and the temperature.</summary>
/// <param name="Token">The token.</param>
/// <param name="Logprob">The natural logarithm of its probability.</param>
/// <param name="Top">The likeliest tokens with theirs, the likeliest first; as many as were asked for.</param>
public sealed record TokenLogprobs(int Token, double Logprob, ImmutableArray<(int Token, double Logprob)> Top)
{
    /// <summary>The figures of a token.</summary>
    /// <param name="logits">The model's logits, one for each token of the vocabulary.</param>
    /// <param name="token">The token.</param>
    /// <param name="top">How many of the likeliest tokens are wanted.</param>
    internal static TokenLogprobs Of(ReadOnlySpan<float> logits, int token, int top)
    {
        double largest = logits[Sampler.Greedy(logits)];
        double sum = 0;
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - largest);
        }

        double normalizer = largest + Math.Log(sum);
        top = Math.Min(top, logits.Length);
        var likeliest = new List<int>(top + 1);
        for (int i = 0; top > 0 && i < logits.Length; i++)
        {
            if (likeliest.Count == top && logits[i] <= logits[likeliest[^1]])
            {
                continue;
            }

            int place = likeliest.Count;
            while (place > 0 && logits[i] > logits[likeliest[place - 1]])
            {
                place--;
            }

            likeliest.Insert(place, i);
            if (likeliest.Count > top)
            {
                likeliest.RemoveAt(top);
            }
        }

        double Of(float logit) => Math.Max(logit - normalizer, -9999);
        double own = Of(logits[token]);
        var list = ImmutableArray.CreateBuilder<(int, double)>(likeliest.Count);
        foreach (int id in likeliest)
        {
            list.Add((id, Of(logits[id])));
        }

        return new TokenLogprobs(token, own, list.MoveToImmutable());
    }
}
