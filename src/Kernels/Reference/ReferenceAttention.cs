using System.Numerics;
using System.Runtime.InteropServices;

namespace Kernels;

/// <summary>
/// Attention calculated the plain way in double precision on the host: what the kernels are tested against. It shares
/// no code with them. Slow; for tests and for checking a spec of your own.
/// </summary>
public static class ReferenceAttention
{
    /// <summary>One query row of one sequence: its output and its LSE.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="queries">[queryLength, H_q, d_qk]</param>
    /// <param name="keys">[keyLength, H_kv, d_qk]</param>
    /// <param name="values">[keyLength, H_kv, d_v]</param>
    /// <param name="queryLength">Query tokens, s_q.</param>
    /// <param name="keyLength">Keys, s_k.</param>
    /// <param name="token">The query token.</param>
    /// <param name="head">The query head.</param>
    /// <param name="output">Takes the output, d_v elements; zeros when the row sees no key.</param>
    /// <returns>The natural log of the softmax denominator; −∞ when the row sees no key.</returns>
    public static double Row(
        AttentionShape shape, ReadOnlySpan<double> queries, ReadOnlySpan<double> keys, ReadOnlySpan<double> values,
        int queryLength, int keyLength, int token, int head, Span<double> output)
    {
        int kvHead = head / shape.GroupSize;
        ReadOnlySpan<double> query = queries.Slice(((token * shape.QueryHeads) + head) * shape.HeadDim, shape.HeadDim);
        double[] scores = new double[keyLength];
        double max = double.NegativeInfinity;
        for (int key = 0; key < keyLength; key++)
        {
            scores[key] = IsVisible(shape, token + keyLength - queryLength, key)
                ? shape.Scale * Dot(query, keys.Slice(((key * shape.KvHeads) + kvHead) * shape.HeadDim, shape.HeadDim))
                : double.NegativeInfinity;
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
            double weight = Math.Exp(scores[key] - max);
            if (weight != 0)
            {
                sum += weight;
                AddScaled(output, weight, values.Slice(((key * shape.KvHeads) + kvHead) * shape.ValueDim, shape.ValueDim));
            }
        }

        for (int d = 0; d < output.Length; d++)
        {
            output[d] /= sum;
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
    public static bool IsVisible(AttentionShape shape, int position, int key) => shape.Mask switch
    {
        AttentionMask.None => true,
        AttentionMask.Causal => key <= position,
        _ => throw new ArgumentOutOfRangeException(nameof(shape), shape.Mask, "No such mask."),
    };

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
