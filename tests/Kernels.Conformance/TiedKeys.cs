namespace Kernels.Conformance;

/// <summary>
/// The keys of which a row's largest score may be, in float32, where scores are so large that a step from one to the next is more than a
/// softmax bridges: a key either has an equal part of the row, or none.
/// </summary>
/// <remarks>
/// Keys of few bits often have the same element where the query has 1e35. What is left of their products, of the size of 1, is far below
/// the last bit of float32, and of the reference's double precision, which therefore shares the row out equally. But the large product
/// can lie in the middle between two float32, since 24 bits times the 4 of e4m3 have only a few more. A multiply-add that has already
/// seen a part of the small products rounds it up or down by their sign, and one key is a step of 1e28 ahead of another. Which key that
/// is depends on the order of the sum, and on where the scales are multiplied in; it need not be the one that the small products favour,
/// which neither float32 nor double precision finds. What can be asked of float32 is this: the output is the mean of the values of some
/// of these keys, and of no other; and keys whose products are the same, one by one, are all in it or none.
/// </remarks>
internal sealed class TiedKeys
{
    // Roundings of scales, of their products with queries and keys, and of a sum in which one product is large; tensor cores truncate.
    private const double LargestRounding = 1.0 / (1 << 20);

    // Of errors beyond this, a step of float32 is 64 or more: a key that is a step behind has a weight of 1e-28 at most.
    private const double LeastError = 1024;

    private readonly int[][] groups;

    private TiedKeys(int[][] groups) => this.groups = groups;

    /// <summary>Keys, those with the same products as one; at least one.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Groups => groups;

    /// <summary>The keys of a row, or null where its scores are of a size at which their differences count.</summary>
    public static TiedKeys? Of(
        AttentionShape shape, ReadOnlySpan<double> queries, ReadOnlySpan<double> keys,
        int queryLength, int keyLength, int token, int head, ReferenceOptions options)
    {
        if (shape.Softcap is not null || options.ScoreMod is not null)
        {
            return null;
        }

        int position = token + keyLength - queryLength;
        ReadOnlySpan<double> query = queries.Slice(((token * shape.QueryHeads) + head) * shape.HeadDim, shape.HeadDim);
        double[] scores = new double[keyLength], errors = new double[keyLength];
        double least = double.NegativeInfinity; // what the largest score is at least
        double largestError = 0;
        for (int key = 0; key < keyLength; key++)
        {
            scores[key] = double.NegativeInfinity;
            double added = shape.Bias ? options.Bias!(head, token, key) : 0;
            if (double.IsNegativeInfinity(added) || !ReferenceAttention.IsVisible(shape, position, key, head, options))
            {
                continue;
            }

            ReadOnlySpan<double> row = Row(shape, keys, shape.HeadDim, key, head);
            double sum = 0, size = 0;
            for (int d = 0; d < row.Length; d++)
            {
                sum += query[d] * row[d];
                size += Math.Abs(query[d] * row[d]);
            }

            // ALiBi and a bias of usual size are nothing beside scores that this is for.
            scores[key] = (shape.Scale * sum) + added;
            errors[key] = Math.Abs(shape.Scale) * size * LargestRounding;
            least = Math.Max(least, scores[key] - errors[key]);
            largestError = Math.Max(largestError, errors[key]);
        }

        int[] tied = [.. Enumerable.Range(0, keyLength).Where(key => double.IsFinite(scores[key]) && scores[key] + errors[key] >= least)];
        bool isSure = tied.Length == 0 || !double.IsFinite(largestError) || tied.Any(key => errors[key] <= LeastError);
        return isSure ? null : new(Group(shape, query, keys, tied, head));
    }

    /// <summary>Takes for the expected output the mean of those keys' values of which the actual one seems to be, or of all.</summary>
    /// <param name="shape">What is computed.</param>
    /// <param name="values">[keyLength, H_kv, d_v]</param>
    /// <param name="head">The query head.</param>
    /// <param name="actual">What a kernel gave.</param>
    /// <param name="expected">Takes the mean.</param>
    public void Expect(AttentionShape shape, ReadOnlySpan<double> values, int head, ReadOnlySpan<double> actual, Span<double> expected)
    {
        // Each group's sum of values. The factors with which these come nearest to the output only tell which of them are in it.
        int count = groups.Length;
        double[][] sums = new double[count][];
        for (int i = 0; i < count; i++)
        {
            double[] sum = sums[i] = new double[shape.ValueDim];
            foreach (int key in groups[i])
            {
                ReadOnlySpan<double> row = Row(shape, values, shape.ValueDim, key, head);
                for (int d = 0; d < sum.Length; d++)
                {
                    sum[d] += row[d];
                }
            }
        }

        // More groups than an output has elements: any output could be made of them. Then it must be the mean of all.
        double[] factors = count <= shape.ValueDim / 2 ? Factors(sums, actual) : [.. Enumerable.Repeat(1.0, count)];
        double half = 0.5 * factors.Max();
        int[] chosen = [.. Enumerable.Range(0, count).Where(i => factors[i] >= half)];
        if (chosen.Length == 0)
        {
            chosen = [.. Enumerable.Range(0, count)]; // not of numbers
        }

        double weight = 1.0 / chosen.Sum(i => groups[i].Length);
        for (int d = 0; d < expected.Length; d++)
        {
            expected[d] = weight * chosen.Sum(i => sums[i][d]);
        }
    }

    private static ReadOnlySpan<double> Row(AttentionShape shape, ReadOnlySpan<double> rows, int dim, int key, int head) =>
        rows.Slice(((key * shape.KvHeads) + (head / shape.GroupSize)) * dim, dim);

    private static int[][] Group(AttentionShape shape, ReadOnlySpan<double> query, ReadOnlySpan<double> keys, int[] tied, int head)
    {
        var groups = new List<List<int>>();
        foreach (int key in tied)
        {
            List<int>? same = null;
            ReadOnlySpan<double> row = Row(shape, keys, shape.HeadDim, key, head);
            foreach (List<int> group in groups)
            {
                same ??= HasSameProducts(query, row, Row(shape, keys, shape.HeadDim, group[0], head)) ? group : null;
            }

            if (same is null)
            {
                groups.Add([key]);
            }
            else
            {
                same.Add(key);
            }
        }

        return [.. groups.Select(group => group.ToArray())];
    }

    private static bool HasSameProducts(ReadOnlySpan<double> query, ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        for (int d = 0; d < query.Length; d++)
        {
            if (query[d] != 0 && a[d] != b[d])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The factors with which some vectors come nearest to another: least squares, by elimination.</summary>
    private static double[] Factors(double[][] vectors, ReadOnlySpan<double> target)
    {
        int count = vectors.Length;
        double[,] rows = new double[count, count + 1];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                rows[i, j] = vectors[i].Zip(vectors[j], (x, y) => x * y).Sum();
            }

            for (int d = 0; d < target.Length; d++)
            {
                rows[i, count] += vectors[i][d] * target[d];
            }
        }

        // Sums of products with themselves: no pivots need to be looked for.
        for (int pivot = 0; pivot < count; pivot++)
        {
            for (int i = 0; i < count; i++)
            {
                double factor = i == pivot ? 0 : rows[i, pivot] / rows[pivot, pivot];
                for (int j = pivot; factor != 0 && j <= count; j++)
                {
                    rows[i, j] -= factor * rows[pivot, j];
                }
            }
        }

        return [.. Enumerable.Range(0, count).Select(i => rows[i, count] / rows[i, i])];
    }
}
