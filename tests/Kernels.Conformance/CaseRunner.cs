using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>Runs a case on a device and compares it with the reference.</summary>
/// <param name="device">Where to.</param>
/// <param name="target">The target whose kernels to test, or null: the device's own.</param>
/// <param name="queryTile">A tile size instead of the planner's, or 0.</param>
/// <param name="keyTile">A tile size instead of the planner's, or 0.</param>
/// <param name="poisons">Whether caches are filled with NaN first; not where a simulator itself tells what was never written.</param>
/// <param name="variant">The emitted prefill tile to run; null leaves it to the device's options.</param>
internal sealed class CaseRunner(ComputeDevice device, KernelTarget? target = null, int queryTile = 0, int keyTile = 0, bool poisons = true, int? variant = null)
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
    /// <param name="measuresQuantisation">Whether outputs over a quantised cache must also be near those over the exact keys and values, as they are where logits are of the usual size.</param>
    /// <param name="poisons">Whether caches are filled with NaN first.</param>
    public static CaseResult Run<TSpec, T>(
        AttentionCase test, KernelsUnderTest<TSpec, T> kernels, ReferenceOptions mods, bool measuresQuantisation = true, bool poisons = true) where T : unmanaged
    {
        AttentionShape shape = test.Shape;
        ComputeDevice device = kernels.Device;
        using IKvCache<TSpec> cache = shape.PageSize == 0 ? Contiguous(kernels, test) : Paged(kernels, test);
        Poison(cache.Keys(0)); // none of it may reach an output
        Poison(cache.Values(0));
        switch (shape.CacheScale)
        {
            case CacheScale.PerToken:
                Poison(cache.KeyScales(0));
                Poison(cache.ValueScales(0));
                break;
            case CacheScale.PerHead:
                SetScales(cache, shape, new Random(test.Seed));
                break;
        }

        var random = new Random(test.Seed);
        using var data = new LaunchData(test, random, mods);
        kernels.Set(data.Upload(device));
        var inputs = test.Lengths.Select(pair => new SequenceInputs<T>(test, pair.Queries, pair.Keys, random, data.Rope)).ToArray();
        using AttentionPlan<TSpec> plan = kernels.CreatePlan();

        // In two steps, so that the second begins somewhere in the middle of each sequence.
        Append(kernels, plan, cache, shape, inputs, test.Lengths.Select(pair => (0, pair.Keys / 3)).ToArray());
        Append(kernels, plan, cache, shape, inputs, test.Lengths.Select(pair => (pair.Keys / 3, pair.Keys)).ToArray());
        CacheContents contents = CacheContents.Of(shape, cache);
        for (int sequence = 0; sequence < inputs.Length; sequence++)
        {
            if (inputs[sequence].TakeFrom(contents, sequence) is { } difference)
            {
                return new CaseResult(test, $"sequence {sequence}: {difference}", double.PositiveInfinity, 0);
            }
        }

        plan.Build(cache, test.Lengths.Select((pair, sequence) => new AttentionRequest(sequence, pair.Queries, pair.Keys, test.PrefixLength)).ToArray());
        using DeviceBuffer<T> queries = device.Upload<T>(Pack(inputs, input => input.Queries));
        T[] outputs = new T[plan.Tokens * shape.QueryHeads * shape.ValueDim];
        float[] lse = new float[plan.Tokens * shape.QueryHeads];
        Launch(kernels, plan, cache, queries, outputs, lse);

        T[] again = new T[outputs.Length];
        Launch(kernels, plan, cache, queries, again, new float[lse.Length]);
        if (!MemoryMarshal.AsBytes<T>(outputs).SequenceEqual(MemoryMarshal.AsBytes<T>(again)))
        {
            return new CaseResult(test, "two launches gave different bits", double.PositiveInfinity, 0);
        }

        return Compare(test, inputs, outputs, lse, data, measuresQuantisation);

        void Poison(DeviceBuffer<byte> buffer)
        {
            if (poisons)
            {
                device.Queue.EnqueueFill(buffer, byte.MaxValue, 0, buffer.Length).Dispose();
            }
        }
    }

    /// <summary>Appends a range of each sequence's tokens.</summary>
    private static void Append<TSpec, T>(
        KernelsUnderTest<TSpec, T> kernels, AttentionPlan<TSpec> plan, IKvCache<TSpec> cache,
        AttentionShape shape, SequenceInputs<T>[] inputs, (int Begin, int End)[] ranges) where T : unmanaged
    {
        plan.Build(cache, ranges.Select((range, sequence) => new AttentionRequest(sequence, range.End - range.Begin, range.End)).ToArray());
        using DeviceBuffer<T> keys = kernels.Device.Upload<T>(Pack(input => input.Keys, shape.KvHeads * shape.HeadDim));
        using DeviceBuffer<T> values = kernels.Device.Upload<T>(Pack(input => input.Values, shape.LatentCache ? 0 : shape.KvHeads * shape.ValueDim));
        kernels.Append(plan, cache, keys, values).Dispose();

        T[] Pack(Func<SequenceInputs<T>, T[]> part, int each) =>
            [.. inputs.SelectMany((input, i) => part(input)[(ranges[i].Begin * each)..(ranges[i].End * each)])];
    }

    /// <summary>A cache with a spare sequence and spare tokens.</summary>
    private static IKvCache<TSpec> Contiguous<TSpec, T>(KernelsUnderTest<TSpec, T> kernels, AttentionCase test) where T : unmanaged
    {
        int longest = Math.Max(1, test.Lengths.Max(pair => pair.Keys));
        IKvCache<TSpec> cache = kernels.CreateContiguousCache(test.Lengths.Count + 1, longest + 3);
        for (int sequence = 0; sequence < test.Lengths.Count; sequence++)
        {
            cache.Extend(sequence, test.Lengths[sequence].Keys);
        }

        return cache;
    }

    /// <summary>A cache in which the sequences' pages lie scattered: they grow in turn, by odd lengths.</summary>
    private static PagedKvCache<TSpec> Paged<TSpec, T>(KernelsUnderTest<TSpec, T> kernels, AttentionCase test) where T : unmanaged
    {
        int size = test.Shape.PageSize;
        PagedKvCache<TSpec> cache = kernels.CreatePagedCache(3 + test.Lengths.Sum(pair => (pair.Keys + size - 1) / size));
        int[] sequences = test.Lengths.Select(_ => cache.Create()).ToArray();
        int step = Math.Max(1, (2 * size) - 1);
        while (sequences.Any(sequence => cache.Length(sequence) < test.Lengths[sequence].Keys))
        {
            foreach (int sequence in sequences)
            {
                cache.Extend(sequence, Math.Min(step, test.Lengths[sequence].Keys - cache.Length(sequence)));
            }
        }

        return cache;
    }

    /// <summary>Scales that differ from head to head, no powers of two, under which no input is saturated; the first head keeps its 1.</summary>
    private static void SetScales<TSpec>(IKvCache<TSpec> cache, AttentionShape shape, Random random)
    {
        float[] keys = Scales(), values = Scales();
        switch (cache)
        {
            case KvCache<TSpec> contiguous:
                contiguous.SetScales(0, keys, values);
                break;
            case PagedKvCache<TSpec> paged:
                paged.SetScales(0, keys, values);
                break;
        }

        float[] Scales() => [.. Enumerable.Range(0, shape.KvHeads).Select(head => head == 0 ? 1 : (float)(0.013 + (0.05 * random.NextDouble())))];
    }

    private static void Launch<TSpec, T>(
        KernelsUnderTest<TSpec, T> kernels, AttentionPlan<TSpec> plan, IKvCache<TSpec> cache,
        DeviceBuffer<T> queries, T[] outputs, float[] lse) where T : unmanaged
    {
        // Poisoned, so that an output that no kernel writes is seen.
        outputs.AsSpan().Fill(Elements.From<T>(float.NaN));
        lse.AsSpan().Fill(float.NaN);
        using DeviceBuffer<T> deviceOutputs = kernels.Device.Upload<T>(outputs);
        using DeviceBuffer<float> deviceLse = kernels.Device.Upload<float>(lse);
        kernels.Attend(plan, cache, queries, deviceOutputs, deviceLse).Dispose();
        kernels.Device.Queue.Read(deviceOutputs, outputs.AsSpan());
        kernels.Device.Queue.Read(deviceLse, lse.AsSpan());
    }

    private static CaseResult Compare<T>(AttentionCase test, SequenceInputs<T>[] inputs, T[] outputs, float[] lse, LaunchData data, bool measuresQuantisation) where T : unmanaged
    {
        AttentionShape shape = test.Shape;

        // What is compared is the arithmetic: the reference starts from what the cache holds, so a float32 output over a 16-bit or quantised cache is held to float32.
        ElementType held = shape.Storage == ElementType.Float16 && shape.CacheStorage == ElementType.BFloat16 ? ElementType.BFloat16 : shape.Storage;
        var rows = Rows(test);
        int dim = shape.ValueDim;
        double[] actual = new double[rows.Length * dim], expected = new double[rows.Length * dim];
        double[] eager = held == ElementType.Float32 ? [] : new double[rows.Length * dim];
        bool quantised = measuresQuantisation && shape.CacheScale != CacheScale.None;
        double[] exact = quantised ? new double[rows.Length * dim] : [];
        double[] lseError = new double[rows.Length];
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
            double reference = ReferenceAttention.Row(
                shape, input.ReferenceQueries, input.ReferenceKeys, input.ReferenceValues, queries, keys, token, head, expected.AsSpan(i * dim, dim), options);
            if (quantised)
            {
                ReferenceAttention.Row(
                    shape, input.ReferenceQueries, input.ExactKeys, input.ExactValues, queries, keys, token, head, exact.AsSpan(i * dim, dim), options);
            }

            int row = ((tokenOffsets[sequence] + token) * shape.QueryHeads) + head;
            for (int d = 0; d < dim; d++)
            {
                actual[(i * dim) + d] = Elements.ToFloat(outputs[(row * dim) + d]);
            }

            lseError[i] = double.IsNegativeInfinity(reference)
                ? (float.IsNegativeInfinity(lse[row]) ? 0 : double.PositiveInfinity)
                : Math.Abs(lse[row] - reference) / (Tolerance.Lse(shape) * Math.Max(1, Math.Abs(reference)));
            if (double.IsNaN(lseError[i]))
            {
                lseError[i] = double.PositiveInfinity;
            }

            if (eager.Length > 0)
            {
                Eager(shape, held, input.ReferenceQueries, input.ReferenceKeys, input.ReferenceValues, queries, keys, token, head, eager.AsSpan(i * dim, dim), options);
            }
        });

        double error = Tolerance.Error(held, actual, expected, eager);
        double worstLse = lseError.DefaultIfEmpty().Max();
        double quantisation = quantised ? Tolerance.QuantisationError(shape, actual, exact) : 0;
        string? failure = error > 1 ? $"output error is {error:G3} of what is allowed"
            : worstLse > 1 ? $"LSE error is {worstLse:G3} of what is allowed"
            : quantisation > 1 ? $"distance from what the exact keys and values give is {quantisation:G3} of what is allowed"
            : null;
        return new CaseResult(test, failure, Math.Max(Math.Max(error, worstLse), quantisation), rows.Length);
    }

    /// <summary>The rows to compare: all of them, or first, last and a random sample where that would take the reference too long.</summary>
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
                    score += Elements.Round(type, queries[(((token * shape.QueryHeads) + head) * shape.HeadDim) + d]) * keys[(((key * shape.KvHeads) + kvHead) * shape.HeadDim) + d];
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

    private static T[] Pack<T>(SequenceInputs<T>[] inputs, Func<SequenceInputs<T>, T[]> part) where T : unmanaged =>
        inputs.SelectMany(part).ToArray();
}
