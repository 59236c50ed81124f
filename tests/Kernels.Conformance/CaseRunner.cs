using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Runs a case on a device and compares it with the reference.</summary>
/// <param name="device">Where to.</param>
/// <param name="target">The target whose kernels to test, or null: the device's own.</param>
/// <param name="queryTile">A tile size instead of the planner's, or 0.</param>
/// <param name="keyTile">A tile size instead of the planner's, or 0.</param>
/// <param name="poisons">Whether caches are filled with NaN first; not where a simulator itself tells what was never written.</param>
/// <param name="variant">The emitted prefill tile to run; null leaves it to the device's options.</param>
internal sealed class CaseRunner(
    ComputeDevice device, KernelTarget? target = null, int queryTile = 0, int keyTile = 0, bool poisons = true, int? variant = null)
{
    // Rows × keys × dims that the reference calculates in one case; above that, rows are sampled.
    private const double ReferenceBudget = 1.5e8;

    public CaseResult Run(AttentionCase test) => test.Shape.Storage switch
    {
        ElementType.Float32 => Run<float>(test),
        ElementType.Float16 => Run<Half>(test),
        ElementType.BFloat16 => Run<BFloat16>(test),
        _ => throw new ArgumentOutOfRangeException(nameof(test), test.Shape.Storage, "No host type for this storage."),
    };

    private CaseResult Run<T>(AttentionCase test) where T : unmanaged
    {
        using var kernels = new RuntimeKernels<T>(device, RuntimeSpec.Describe(test.Shape, queryTile, keyTile), target, variant);
        return Run(test, kernels, new ReferenceOptions(), poisons: poisons);
    }

    /// <summary>Runs a case on kernels of its shape.</summary>
    /// <param name="test">The case.</param>
    /// <param name="kernels">The kernels, with the inputs of mods set.</param>
    /// <param name="mods">The spec's mods as the reference gets them; the rest is filled in from the case.</param>
    /// <param name="measuresQuantisation">
    /// Whether outputs over a quantised cache must also be near those over the exact keys and values, as they are where logits are of the
    /// usual size.
    /// </param>
    /// <param name="poisons">Whether caches are filled with NaN first.</param>
    public static CaseResult Run<TSpec, T>(
        AttentionCase test, KernelsUnderTest<TSpec, T> kernels, ReferenceOptions mods, bool measuresQuantisation = true,
        bool poisons = true) where T : unmanaged
    {
        using var loaded = new LoadedCase<TSpec, T>(test, kernels, mods, poisons: poisons);
        if (loaded.Difference is { } difference)
        {
            return CaseResult.Failed(test, difference);
        }

        loaded.Plan();
        Launched<T> first = loaded.Launch();
        return first.HasBitsOf(loaded.Launch())
            ? loaded.Compare(first, measuresQuantisation)
            : CaseResult.Failed(test, "two launches gave different bits");
    }

    /// <summary>Holds the outputs and LSEs of a launch of all of a case's sequences against the reference.</summary>
    public static CaseResult Compare<T>(
        AttentionCase test, SequenceInputs<T>[] inputs, T[] outputs, float[] lse, LaunchData data, bool measuresQuantisation)
            where T : unmanaged
    {
        AttentionShape shape = test.Shape;

        // What is compared is the arithmetic: the reference starts from what the cache holds, so a float32 output over a 16-bit or
        // quantised cache is held to float32.
        ElementType held = shape.Storage == ElementType.Float16 && shape.CacheStorage == ElementType.BFloat16
            ? ElementType.BFloat16 : shape.Storage;
        var rows = Rows(test);
        int dim = shape.ValueDim;
        double[] actual = new double[rows.Length * dim], expected = new double[rows.Length * dim];
        double[] eager = held == ElementType.Float32 || test.Poison is not null || test.HasHugeLogits ? [] : new double[rows.Length * dim];
        bool quantised = measuresQuantisation && shape.CacheScale != CacheScale.None && test.Poison is null;
        double[] exact = quantised ? new double[rows.Length * dim] : [];
        double[] lseError = new double[rows.Length], lseExpected = new double[rows.Length];
        int[] tokenOffsets = new int[inputs.Length];
        for (int i = 1; i < inputs.Length; i++)
        {
            tokenOffsets[i] = tokenOffsets[i - 1] + test.Lengths[i - 1].Queries;
        }

        Parallel.For(0, rows.Length, i =>
        {
            (int sequence, int token, int head) = rows[i];
            SequenceInputs<T> input = inputs[sequence];
            (int queries, int keys) = test.Lengths[sequence];
            ReferenceOptions options = data.Of(sequence);
            double reference = ReferenceAttention.ComputeRow(
                shape, input.ReferenceQueries, input.ReferenceKeys, input.ReferenceValues, queries, keys, token, head,
                expected.AsSpan(i * dim, dim), options);
            if (quantised)
            {
                ReferenceAttention.ComputeRow(
                    shape, input.ReferenceQueries, input.ExactKeys, input.ExactValues, queries, keys, token, head,
                    exact.AsSpan(i * dim, dim), options);
            }

            lseExpected[i] = reference;
            int row = ((tokenOffsets[sequence] + token) * shape.QueryHeads) + head;
            for (int d = 0; d < dim; d++)
            {
                actual[(i * dim) + d] = Elements.ToFloat(outputs[(row * dim) + d]);
            }

            // Where a sink has all of the row, the output is 0 whatever the keys.
            if (test.Poison is { LeavesTies: true } && double.IsFinite(reference) && expected.AsSpan(i * dim, dim).ContainsAnyExcept(0.0)
                && TiedKeys.Of(shape, input.ReferenceQueries, input.ReferenceKeys, queries, keys, token, head, options)
                    is { Groups.Count: > 1 } tied)
            {
                tied.Expect(shape, input.ReferenceValues, head, actual.AsSpan(i * dim, dim), expected.AsSpan(i * dim, dim));
            }

            lseError[i] = !double.IsFinite(reference)
                ? (reference.Equals((double)lse[row]) ? 0 : double.PositiveInfinity)
                : Math.Abs(lse[row] - reference) / (Tolerance.Lse(shape, test.Poison) * Math.Max(1, Math.Abs(reference)));
            if (double.IsNaN(lseError[i]))
            {
                lseError[i] = double.PositiveInfinity;
            }

            if (eager.Length > 0)
            {
                Eager(
                    shape, held, input.ReferenceQueries, input.ReferenceKeys, input.ReferenceValues, queries, keys, token, head,
                    eager.AsSpan(i * dim, dim), options);
            }
        });

        double error = test.Poison is not null
            ? Tolerance.PoisonedError(held, actual, expected, lseExpected, test)
            : Tolerance.Error(held, actual, expected, eager);
        double worstLse = lseError.DefaultIfEmpty().Max();
        double quantisation = quantised ? Tolerance.QuantisationError(shape, actual, exact) : 0;
        string? failure = !(error <= 1) ? $"output error is {error:G3} of what is allowed"
            : !(worstLse <= 1) ? $"LSE error is {worstLse:G3} of what is allowed"
            : !(quantisation <= 1) ? $"distance from what the exact keys and values give is {quantisation:G3} of what is allowed"
            : null;
        return new CaseResult(test, failure, Math.Max(Math.Max(error, worstLse), quantisation), rows.Length);
    }

    /// <summary>
    /// The rows to compare: all of them, or first, last and a random sample where that would take the reference too long.
    /// </summary>
    private static (int Sequence, int Token, int Head)[] Rows(AttentionCase test)
    {
        var random = new Random(test.Seed);
        AttentionShape shape = test.Shape;
        double each = ReferenceBudget / test.Lengths.Count;
        var rows = new List<(int, int, int)>();
        for (int sequence = 0; sequence < test.Lengths.Count; sequence++)
        {
            (int queries, int keys) = test.Lengths[sequence];
            int all = queries * shape.QueryHeads;
            int affordable = (int)Math.Min(all, Math.Max(16, each / (Math.Max(1.0, keys) * (shape.HeadDim + shape.ValueDim))));
            IEnumerable<int> chosen = affordable == all
                ? Enumerable.Range(0, all)
                : Enumerable.Range(0, affordable).Select(i => i == 0 ? 0 : i == 1 ? all - 1 : random.Next(all)).Distinct();
            rows.AddRange(chosen.Select(row => (sequence, row / shape.QueryHeads, row % shape.QueryHeads)));
        }

        return [.. rows];
    }

    /// <summary>Plain attention with every intermediate rounded to a 16-bit type: the measure of an unavoidable error.</summary>
    private static void Eager(
        AttentionShape shape, ElementType type, double[] queries, double[] keys, double[] values,
        int queryLength, int keyLength, int token, int head, Span<double> output, ReferenceOptions options)
    {
        int position = token + keyLength - queryLength;
        int kvHead = head / shape.GroupSize;
        double[] weights = new double[keyLength];
        double max = double.NegativeInfinity;
        for (int key = 0; key < keyLength; key++)
        {
            double score = double.NegativeInfinity;
            if (ReferenceAttention.IsVisible(shape, position, key, head, options))
            {
                score = 0;
                for (int d = 0; d < shape.HeadDim; d++)
                {
                    score += Elements.Round(type, queries[(((token * shape.QueryHeads) + head) * shape.HeadDim) + d])
                        * keys[(((key * shape.KvHeads) + kvHead) * shape.HeadDim) + d];
                }

                score = Elements.Round(type, shape.Scale * Elements.Round(type, score));
                if (options.ScoreMod is { } mod)
                {
                    score = Elements.Round(type, mod((float)score, options.Batch, head, Math.Max(0, position), key));
                }

                score = shape.Bias ? Elements.Round(type, score + options.Bias!(head, token, key)) : score;
            }

            weights[key] = score;
            max = Math.Max(max, score);
        }

        output.Clear();
        if (double.IsNegativeInfinity(max))
        {
            return;
        }

        double sum = 0;
        for (int key = 0; key < keyLength; key++)
        {
            weights[key] = Math.Exp(weights[key] - max);
            sum += weights[key];
        }

        for (int key = 0; key < keyLength; key++)
        {
            double weight = Elements.Round(type, weights[key] / sum);
            for (int d = 0; weight != 0 && d < shape.ValueDim; d++)
            {
                output[d] += weight * values[(((key * shape.KvHeads) + kvHead) * shape.ValueDim) + d];
            }
        }

        for (int d = 0; d < shape.ValueDim; d++)
        {
            output[d] = Elements.Round(type, output[d]);
        }
    }
}
