using Kernels.OpenCL;

namespace Kernels.Conformance;

/// <summary>
/// Many requests that are all alike, so that an axis of the launches goes past 2^16 or 2^20. Heads are small; of the outputs, rows all over
/// the step are held against the softmax in double precision, those around the powers of two that drivers count to among them.
/// </summary>
/// <param name="Shape">The spec: without a mask, or causal, perhaps with a window.</param>
/// <param name="Requests">Requests.</param>
/// <param name="Queries">Query tokens of each.</param>
/// <param name="Keys">Keys of each.</param>
internal sealed record LimitCheck(AttentionShape Shape, int Requests, int Queries, int Keys)
{
    private const int Samples = 300;

    private int Tokens => Requests * Queries;

    private int Capacity => Shape.PageSize == 0 ? Keys : (Keys + Shape.PageSize - 1) / Shape.PageSize * Shape.PageSize;

    public override string ToString() =>
        $"limit: {Requests} requests of {Queries} queries and {Keys} keys, {Shape.Storage}, H {Shape.QueryHeads}/{Shape.KvHeads} d "
        + $"{Shape.HeadDim}"
        + $"{(Shape.PageSize > 0 ? $" pages of {Shape.PageSize}" : "")}{(Shape.Deterministic ? " deterministic" : "")}";

    /// <summary>Multiplications of all scores, roughly: a work-group has a tile of 16 of them at least, however few it needs.</summary>
    public double Work =>
        Math.Max((double)Requests * Shape.KvHeads * 16, (double)Tokens * Shape.QueryHeads * Math.Min(Keys, Shape.WindowLeft + 1 ?? Keys))
        * Shape.HeadDim;

    /// <summary>Why a device has no room for it, or null.</summary>
    public string? Unfit(ComputeDevice device)
    {
        long cache = (long)Requests * Capacity * Shape.CacheBytesPerToken, all = (2 * cache) + (2 * Tokens * Shape.QueryBytesPerToken);
        (long buffer, long memory) = (device.Capabilities.MaxAllocationBytes, device.Capabilities.GlobalMemoryBytes);
        return cache > buffer || all > memory / 2
            ? $"the case takes {all} bytes; the device has {memory}, and allows {buffer} in a buffer" : null;
    }

    /// <summary>Appends all keys in one step, attends in another.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? Run<T>(ComputeDevice device, KernelTarget? target) where T : unmanaged
    {
        using var launcher = new AttentionLauncher<RuntimeSpec, T>(device, RuntimeSpec.Describe(Shape), target);
        (IKvCache<RuntimeSpec> cache, SequenceHandle[] sequences) = Cache(launcher);
        using (cache)
        {
            using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
            using (DeviceBuffer<T> keys = Upload<T>(device, (long)Requests * Keys * Shape.KvHeads * Shape.HeadDim, Key))
            using (DeviceBuffer<T> values = Upload<T>(device, (long)Requests * Keys * Shape.KvHeads * Shape.ValueDim, Value))
            {
                plan.Build(cache, [.. sequences.Select(sequence => new AttentionRequest(sequence, Keys, Keys))]);
                launcher.SubmitAppend(plan, cache, 0, keys, values);
                device.Queue.Finish();
            }

            int rows = Tokens * Shape.QueryHeads;
            T[] outputs = new T[rows * Shape.ValueDim];
            float[] lse = new float[rows];
            outputs.AsSpan().Fill(Elements.From<T>(float.NaN));
            lse.AsSpan().Fill(float.NaN);
            using DeviceBuffer<T> queries = Upload<T>(device, (long)rows * Shape.HeadDim, Query), deviceOutputs = device.Upload<T>(outputs);
            using DeviceBuffer<float> deviceLse = device.Upload<float>(lse);
            plan.Build(cache, [.. sequences.Select(sequence => new AttentionRequest(sequence, Queries, Keys))]);
            // A deterministic spec splits by a request's keys alone, however many requests there are.
            if (Shape.Deterministic && plan.Work.PartialRows < Tokens * Shape.QueryHeads)
            {
                return "no keys were split";
            }

            launcher.SubmitAttend(plan, cache, 0, queries, deviceOutputs, lse: deviceLse);
            device.Queue.Read(deviceOutputs, outputs.AsSpan());
            device.Queue.Read(deviceLse, lse.AsSpan());
            int unwritten = Array.FindIndex(lse, float.IsNaN);
            return unwritten >= 0 ? $"row {unwritten} of {rows} was not written"
                : SampledRows(rows).Select(row => Difference(row, outputs, lse)).FirstOrDefault(difference => difference is not null);
        }
    }

    /// <summary>Rows around the powers of two, the last one, and some between.</summary>
    private static IEnumerable<int> SampledRows(int rows)
    {
        var random = new Random(1);
        IEnumerable<int> edges = from power in Enumerable.Range(0, 31) from beside in new[] { -1, 0, 1 } select (1 << power) + beside;
        return edges.Append(0).Append(rows - 1).Concat(Enumerable.Range(0, Samples).Select(_ => random.Next(rows))).Where(row => row < rows)
            .Distinct();
    }

    // Numbers that all storage types have exactly, of an element's place among all.
    private static float Number(long place, uint seed)
    {
        uint hash = (uint)(place ^ (place >> 32)) * 0x9E3779B1 + seed;
        hash = (hash ^ (hash >> 15)) * 0x85EBCA77;
        return ((int)((hash ^ (hash >> 13)) & 127) - 64) / 64f;
    }

    private static float Query(long place) => Number(place, 1);

    private static float Key(long place) => Number(place, 2);

    private static float Value(long place) => Number(place, 3);

    private static DeviceBuffer<T> Upload<T>(ComputeDevice device, long length, Func<long, float> number) where T : unmanaged
    {
        T[] data = new T[length];
        Parallel.For(0, (data.Length + 0xFFFF) >> 16, piece =>
        {
            for (int i = piece << 16; i < Math.Min(data.Length, (piece + 1) << 16); i++)
            {
                data[i] = Elements.From<T>(number(i));
            }
        });
        return device.Upload<T>(data);
    }

    private (IKvCache<RuntimeSpec> Cache, SequenceHandle[] Sequences) Cache<T>(AttentionLauncher<RuntimeSpec, T> launcher)
        where T : unmanaged
    {
        if (Shape.PageSize == 0)
        {
            KvCache<RuntimeSpec> contiguous = launcher.CreateCache(Requests, Capacity, 1);
            return (contiguous, Extended(contiguous));
        }

        PagedKvCache<RuntimeSpec> paged = launcher.CreatePagedCache(Requests * (Capacity / Shape.PageSize), 1);
        return (paged, Extended(paged));

        SequenceHandle[] Extended(IKvCache<RuntimeSpec> cache)
        {
            SequenceHandle[] sequences = cache.AddSequences(Requests);
            Array.ForEach(sequences, sequence => cache.Extend(sequence, Keys));
            return sequences;
        }
    }

    private string? Difference<T>(int row, T[] outputs, float[] lse) where T : unmanaged
    {
        (int token, int head) = Math.DivRem(row, Shape.QueryHeads);
        (int request, int query) = Math.DivRem(token, Queries);
        int position = Keys - Queries + query, kvHead = head / Shape.GroupSize;
        int begin = Math.Max(0, position - Shape.WindowLeft ?? 0), end = Shape.Mask == AttentionMask.None ? Keys : position + 1;
        double[] weights = new double[end - begin];
        for (int key = begin; key < end; key++)
        {
            double score = 0;
            for (int d = 0; d < Shape.HeadDim; d++)
            {
                score += (double)Query(((long)row * Shape.HeadDim) + d) * Key((RowOfKey(key) * Shape.HeadDim) + d);
            }

            weights[key - begin] = Math.Exp(Shape.Scale * score);
        }

        double total = weights.Sum(), tolerance = Shape.Storage == ElementType.Float32 ? 1e-5 : 2e-3;
        if (!(Math.Abs(lse[row] - Math.Log(total)) <= 1e-3 * Math.Max(1, Math.Abs(Math.Log(total)))))
        {
            return $"the LSE of row {row} is {lse[row]}, expected {Math.Log(total)}";
        }

        for (int d = 0; d < Shape.ValueDim; d++)
        {
            double expected = Enumerable.Range(begin, weights.Length)
                .Sum(key => weights[key - begin] * Value((RowOfKey(key) * Shape.ValueDim) + d)) / total;
            float actual = Elements.ToFloat(outputs[(row * Shape.ValueDim) + d]);
            if (!(Math.Abs(actual - expected) <= tolerance))
            {
                return $"output {d} of row {row} is {actual}, expected {expected}";
            }
        }

        return null;

        long RowOfKey(int key) => ((((long)request * Keys) + key) * Shape.KvHeads) + kvHead;
    }
}
