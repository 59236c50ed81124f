using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kernels;

/// <summary>
/// Attention calculated the plain way in double precision on the host: what the kernels are tested against. It shares
/// no code with them. Slow; for tests and for checking a spec of your own. What a shape needs beside queries, keys and values comes in
/// <see cref="ReferenceOptions"/>; what is missing there is an error.
/// </summary>
public static class ReferenceAttention
{
    private static readonly ReferenceOptions Nothing = new();

    /// <summary>
    /// One query row of one sequence: its output and its LSE. With rope, queries and keys have turned already: see
    /// <see cref="ReferenceRope"/>.
    /// </summary>
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
    /// <exception cref="ArgumentException">The options lack something that the shape has, such as its sinks or its mods.</exception>
    public static double ComputeRow(
        AttentionShape shape, ReadOnlySpan<double> queries, ReadOnlySpan<double> keys, ReadOnlySpan<double> values,
        int queryLength, int keyLength, int token, int head, Span<double> output, ReferenceOptions? options = null)
    {
        (options ??= Nothing).Check(shape, keyLength);
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
                // −∞ added to a score hides the key, whatever it holds.
                double score = shape.Scale * Dot(query, keys.Slice(((key * shape.KvHeads) + kvHead) * shape.HeadDim, shape.HeadDim));
                double added = options.Added(shape, head, token, key);
                scores[key] = double.IsNegativeInfinity(added) ? added : Score(shape, score, position, key, head, options) + added;
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

        double denominator = sum + options.AddedWeight(shape, head, max);
        for (int d = 0; d < output.Length; d++)
        {
            output[d] /= denominator;
        }

        return max + Math.Log(sum);
    }

    /// <summary>All rows of one sequence, in parallel: all that the shape says, rope included.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="queries">[queryLength, H_q, d_qk]</param>
    /// <param name="keys">[keyLength, H_kv, d_qk]</param>
    /// <param name="values">[keyLength, H_kv, d_v]; not read where the cache is latent: a key's first d_v elements are its value.</param>
    /// <param name="outputs">Takes the outputs, [queryLength, H_q, d_v].</param>
    /// <param name="options">What a launch can give beside the sequences; null: nothing.</param>
    /// <param name="lse">Takes the natural log of each row's softmax denominator, [queryLength, H_q]; null if not wanted.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape, or the options lack something that it has.</exception>
    public static void Compute(
        AttentionShape shape, double[] queries, double[] keys, double[] values, double[] outputs,
        ReferenceOptions? options = null, double[]? lse = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(outputs);
        int queryLength = TokensOf(queries.Length, shape.QueryHeads * shape.HeadDim, nameof(queries));
        int keyLength = TokensOf(keys.Length, shape.KvHeads * shape.HeadDim, nameof(keys));
        Expect(outputs, queryLength * shape.QueryHeads * shape.ValueDim, nameof(outputs));
        if (lse is not null)
        {
            Expect(lse, queryLength * shape.QueryHeads, nameof(lse));
        }

        (options ??= Nothing).Check(shape, keyLength);
        if (shape.Rope != RopeStyle.None)
        {
            RopeTable table = options.CheckedRope(keyLength);
            queries = ReferenceRope.Turn(shape, queries, shape.QueryHeads, keyLength - queryLength, table);
            keys = ReferenceRope.Turn(shape, keys, shape.KvHeads, 0, table);
        }

        if (shape.LatentCache)
        {
            values = [.. keys.Chunk(shape.HeadDim).SelectMany(row => row.Take(shape.ValueDim))];
        }

        ArgumentNullException.ThrowIfNull(values);
        Expect(values, keyLength * shape.KvHeads * shape.ValueDim, nameof(values));
        Parallel.For(0, queryLength * shape.QueryHeads, row =>
        {
            double rowLse = ComputeRow(
                shape, queries, keys, values, queryLength, keyLength, row / shape.QueryHeads, row % shape.QueryHeads,
                outputs.AsSpan(row * shape.ValueDim, shape.ValueDim), options);
            if (lse is not null)
            {
                lse[row] = rowLse;
            }
        });
    }

    /// <summary>The attention of one sequence whose queries, keys and values are in the host type of a storage.</summary>
    /// <typeparam name="TElement"><see cref="float"/>, <see cref="Half"/> or <see cref="BFloat16"/>.</typeparam>
    /// <param name="shape">What is computed.</param>
    /// <param name="queries">[queryLength, H_q, d_qk]: those of the last tokens.</param>
    /// <param name="keys">[keyLength, H_kv, d_qk]</param>
    /// <param name="values">[keyLength, H_kv, d_v]; not read where the cache is latent.</param>
    /// <param name="options">What a launch can give beside the sequences; null: nothing.</param>
    /// <param name="lse">Takes the natural log of each row's softmax denominator, [queryLength, H_q]; empty if not wanted.</param>
    /// <returns>The outputs, [queryLength, H_q, d_v].</returns>
    /// <exception cref="ArgumentException">A length does not fit the shape, or the options lack something that it has.</exception>
    public static double[] Compute<TElement>(
        AttentionShape shape,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values,
        ReferenceOptions? options, Span<double> lse)
        where TElement : unmanaged
    {
        ArgumentNullException.ThrowIfNull(shape);
        int rows = TokensOf(queries.Length, shape.QueryHeads * shape.HeadDim, nameof(queries)) * shape.QueryHeads;
        double[] outputs = new double[rows * shape.ValueDim];
        double[]? logs = lse.IsEmpty ? null : new double[lse.Length];
        Compute(shape, Widen(queries), Widen(keys), Widen(values), outputs, options, logs);
        logs?.CopyTo(lse);
        return outputs;
    }

    private static double[] Widen<TElement>(ReadOnlySpan<TElement> data) where TElement : unmanaged
    {
        ElementType type = HostElement.Of<TElement>();
        double[] wide = new double[data.Length];
        for (int i = 0; i < wide.Length; i++)
        {
            TElement element = data[i];
            wide[i] = type switch
            {
                ElementType.Float32 => Unsafe.As<TElement, float>(ref element),
                ElementType.Float16 => (double)Unsafe.As<TElement, Half>(ref element),
                _ => (float)Unsafe.As<TElement, BFloat16>(ref element),
            };
        }

        return wide;
    }

    /// <summary>Whether the query at a key position sees a key.</summary>
    /// <exception cref="ArgumentException">The options lack the shape's documents or key mask.</exception>
    public static bool IsVisible(AttentionShape shape, int position, int key, int head = 0, ReferenceOptions? options = null) =>
        shape.Mask switch
        {
            AttentionMask.None => true,
            AttentionMask.Causal => key <= position,
            AttentionMask.PrefixCausal => key <= position || key < (options?.PrefixLength ?? 0),
            _ => throw new ArgumentOutOfRangeException(nameof(shape), shape.Mask, "No such mask."),
        }
        && (shape.WindowLeft is not { } left || key >= position - left)
        && (shape.WindowRight is not { } right || key <= position + right)
        && (options ?? Nothing).Shows(shape, position, key)
        && (options?.MaskMod is not { } mod || mod(options.Batch, head, Math.Max(0, position), key));

    /// <summary>
    /// ALiBi's slope of a head: a geometric sequence for the first power of two of heads, the gaps of one twice as fine for the rest.
    /// </summary>
    public static double GetAlibiSlope(int head, int heads)
    {
        int power = (int)BitOperations.RoundUpToPowerOf2((uint)heads + 1) / 2;
        return head < power ? Math.Pow(2, -8.0 * (head + 1) / power) : Math.Pow(2, -4.0 * ((2 * (head - power)) + 1) / power);
    }

    private static double Score(AttentionShape shape, double score, int position, int key, int head, ReferenceOptions? options)
    {
        if (shape.Softcap is { } cap)
        {
            score = cap * Math.Tanh(score / cap);
        }

        if (options?.ScoreMod is { } mod)
        {
            score = mod((float)score, options.Batch, head, Math.Max(0, position), key);
        }

        return shape.Alibi ? score - (GetAlibiSlope(head, shape.QueryHeads) * Math.Abs(position - key)) : score;
    }

    private static int TokensOf(int length, int perToken, string name) => length % perToken == 0
        ? length / perToken
        : throw new ArgumentException($"Expected a multiple of {perToken} elements (one token), got {length}.", name);

    private static void Expect(double[] data, int expected, string name)
    {
        if (data.Length != expected)
        {
            throw new ArgumentException($"Expected {expected} elements, got {data.Length}.", name);
        }
    }

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
