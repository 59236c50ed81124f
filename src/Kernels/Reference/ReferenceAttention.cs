using System.Numerics;
using System.Runtime.InteropServices;

namespace Kernels;

/// <summary>
/// Attention calculated the plain way in double precision on the host: what the kernels are tested against. It shares
/// no code with them. Slow; for tests and for checking a spec of your own.
/// </summary>
public static class ReferenceAttention
{
    /// <summary>One query row of one sequence: its output and its LSE. With rope, queries and keys have turned already: see <see cref="ReferenceRope"/>.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="queries">[queryLength, H_q, d_qk]</param>
    /// <param name="keys">[keyLength, H_kv, d_qk]</param>
    /// <param name="values">[keyLength, H_kv, d_v]</param>
    /// <param name="queryLength">Query tokens, s_q.</param>
    /// <param name="keyLength">Keys, s_k.</param>
    /// <param name="token">The query token.</param>
    /// <param name="head">The query head.</param>
    /// <param name="options">What a launch can give beside the sequences; null: nothing.</param>
    /// <param name="output">Takes the output, d_v elements; zeros when the row sees no key.</param>
    /// <returns>The natural log of the softmax denominator; −∞ when the row sees no key.</returns>
    public static double Row(
        AttentionShape shape, ReadOnlySpan<double> queries, ReadOnlySpan<double> keys, ReadOnlySpan<double> values,
        int queryLength, int keyLength, int token, int head, Span<double> output, ReferenceOptions? options = null)
    {
        int kvHead = head / shape.GroupSize;
        ReadOnlySpan<double> query = queries.Slice(((token * shape.QueryHeads) + head) * shape.HeadDim, shape.HeadDim);
        double[] scores = new double[keyLength];
        double max = double.NegativeInfinity;
        int position = token + keyLength - queryLength;
        for (int key = 0; key < keyLength; key++)
        {
            scores[key] = double.NegativeInfinity;
            if (IsVisible(shape, position, key, head, options))
            {
                // A bias of −∞ hides the key, whatever it holds.
                double score = shape.Scale * Dot(query, keys.Slice(((key * shape.KvHeads) + kvHead) * shape.HeadDim, shape.HeadDim));
                double bias = shape.Bias ? options!.Bias!(head, token, key) : 0;
                scores[key] = double.IsNegativeInfinity(bias) ? bias : Score(shape, score, position, key, head, options) + bias;
            }

            max = Math.Max(max, scores[key]);
        }

        output.Clear();
        if (double.IsNegativeInfinity(max))
        {
            return double.NegativeInfinity;
        }

        double sum = 0;
        for (int key = 0; key < keyLength; key++)
        {
            // Of a key that is seen the weight is never 0, so that NaN or an infinity in its value shows.
            if (!double.IsNegativeInfinity(scores[key]))
            {
                double weight = Math.Max(Math.Exp(scores[key] - max), double.Epsilon);
                sum += weight;
                AddScaled(output, weight, values.Slice(((key * shape.KvHeads) + kvHead) * shape.ValueDim, shape.ValueDim));
            }
        }

        // The sink takes part in the denominator of the output, not in the LSE.
        double denominator = sum + (shape.Sinks ? Math.Exp(options!.Sinks![head] - max) : 0);
        for (int d = 0; d < output.Length; d++)
        {
            output[d] /= denominator;
        }

        return max + Math.Log(sum);
    }

    /// <summary>All rows of one sequence, in parallel.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="queries">[queryLength, H_q, d_qk]</param>
    /// <param name="keys">[keyLength, H_kv, d_qk]</param>
    /// <param name="values">[keyLength, H_kv, d_v]</param>
    /// <param name="outputs">Takes the outputs, [queryLength, H_q, d_v].</param>
    /// <exception cref="ArgumentException">A length does not fit the shape.</exception>
    public static void Compute(AttentionShape shape, double[] queries, double[] keys, double[] values, double[] outputs)
    {
        int queryLength = TokensOf(queries, shape.QueryHeads * shape.HeadDim, nameof(queries));
        int keyLength = TokensOf(keys, shape.KvHeads * shape.HeadDim, nameof(keys));
        if (values.Length != keyLength * shape.KvHeads * shape.ValueDim)
        {
            throw new ArgumentException($"Expected {keyLength * shape.KvHeads * shape.ValueDim} elements, got {values.Length}.", nameof(values));
        }

        if (outputs.Length != queryLength * shape.QueryHeads * shape.ValueDim)
        {
            throw new ArgumentException($"Expected {queryLength * shape.QueryHeads * shape.ValueDim} elements, got {outputs.Length}.", nameof(outputs));
        }

        Parallel.For(0, queryLength * shape.QueryHeads, row => Row(
            shape, queries, keys, values, queryLength, keyLength, row / shape.QueryHeads, row % shape.QueryHeads,
            outputs.AsSpan(row * shape.ValueDim, shape.ValueDim)));
    }

    /// <summary>Whether the query at a key position sees a key.</summary>
    public static bool IsVisible(AttentionShape shape, int position, int key, int head = 0, ReferenceOptions? options = null) =>
        shape.Mask switch
        {
            AttentionMask.None => true,
            AttentionMask.Causal => key <= position,
            AttentionMask.PrefixCausal => key <= position || key < (options?.PrefixLength ?? 0),
            _ => throw new ArgumentOutOfRangeException(nameof(shape), shape.Mask, "No such mask."),
        }
        && (shape.WindowLeft < 0 || key >= position - shape.WindowLeft)
        && (shape.WindowRight < 0 || key <= position + shape.WindowRight)
        && (!shape.Documents || (position >= 0 && options!.Documents![position] == options.Documents[key]))
        && (!shape.KeyPadding || options!.KeyPadding![key])
        && (options?.MaskMod is not { } mod || mod(options.Batch, head, Math.Max(0, position), key));

    /// <summary>ALiBi's slope of a head: a geometric sequence for the first power of two of heads, the gaps of one twice as fine for the rest.</summary>
    public static double AlibiSlope(int head, int heads)
    {
        int power = (int)BitOperations.RoundUpToPowerOf2((uint)heads + 1) / 2;
        return head < power ? Math.Pow(2, -8.0 * (head + 1) / power) : Math.Pow(2, -4.0 * ((2 * (head - power)) + 1) / power);
    }

    private static double Score(AttentionShape shape, double score, int position, int key, int head, ReferenceOptions? options)
    {
        if (shape.Softcap > 0)
        {
            score = shape.Softcap * Math.Tanh(score / shape.Softcap);
        }

        if (options?.ScoreMod is { } mod)
        {
            score = mod((float)score, options.Batch, head, Math.Max(0, position), key);
        }

        return shape.Alibi ? score - (AlibiSlope(head, shape.QueryHeads) * Math.Abs(position - key)) : score;
    }

    private static int TokensOf(double[] data, int perToken, string name) => data.Length % perToken == 0
        ? data.Length / perToken
        : throw new ArgumentException($"Expected a multiple of {perToken} elements (one token), got {data.Length}.", name);

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        ReadOnlySpan<Vector<double>> x = MemoryMarshal.Cast<double, Vector<double>>(a);
        ReadOnlySpan<Vector<double>> y = MemoryMarshal.Cast<double, Vector<double>>(b);
        Vector<double> lanes = Vector<double>.Zero;
        for (int i = 0; i < x.Length; i++)
        {
            lanes += x[i] * y[i];
        }

        double sum = Vector.Sum(lanes);
        for (int i = x.Length * Vector<double>.Count; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddScaled(Span<double> target, double factor, ReadOnlySpan<double> source)
    {
        Span<Vector<double>> x = MemoryMarshal.Cast<double, Vector<double>>(target);
        ReadOnlySpan<Vector<double>> y = MemoryMarshal.Cast<double, Vector<double>>(source);
        for (int i = 0; i < x.Length; i++)
        {
            x[i] += factor * y[i];
        }

        for (int i = x.Length * Vector<double>.Count; i < target.Length; i++)
        {
            target[i] += factor * source[i];
        }
    }
}

/// <summary>What a launch gives beside the sequences.</summary>
public sealed record ReferenceOptions
{
    /// <summary>The learned logit of each query head, where the shape has sinks.</summary>
    public IReadOnlyList<float>? Sinks { get; init; }

    /// <summary>Keys at the beginning that every query sees, in a prefix-LM.</summary>
    public int PrefixLength { get; init; }

    /// <summary>The document of each key of the sequence, where the shape has documents.</summary>
    public IReadOnlyList<int>? Documents { get; init; }

    /// <summary>Whether each key of the sequence can be seen, where the shape has a mask on keys.</summary>
    public IReadOnlyList<bool>? KeyPadding { get; init; }

    /// <summary>What is added to a score of the sequence, where the shape has a bias: (head, query's index, key).</summary>
    public Func<int, int, int, double>? Bias { get; init; }

    /// <summary>Index of the request in the launch, for the mods.</summary>
    public int Batch { get; init; }

    /// <summary>A spec's score mod with its inputs bound: (score, batch, head, query, key).</summary>
    public Func<float, int, int, int, int, float>? ScoreMod { get; init; }

    /// <summary>A spec's mask mod with its inputs bound: (batch, head, query, key).</summary>
    public Func<int, int, int, int, bool>? MaskMod { get; init; }
}
