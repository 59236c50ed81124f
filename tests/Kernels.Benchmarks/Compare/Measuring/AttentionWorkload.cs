using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>A step of generated attention over a filled cache, planned once, as a layer of a model runs it.</summary>
internal sealed class AttentionWorkload<TSpec, TElement> : IWorkload
    where TSpec : IAttention<TSpec, TElement>
    where TElement : unmanaged
{
    // Copies of the cache make up this much where reading is what counts: far more than any processor's caches.
    private const long RotatedBytes = 512L << 20;

    private readonly TSpec attention;
    private readonly Work work;
    private readonly IKvCache<TSpec> cache;
    private readonly AttentionPlan<TSpec> plan;
    private readonly List<IDisposable> owned = [];
    private readonly CacheInputs<TElement> inputs;
    private readonly TElement[] queryData;
    private readonly DeviceBuffer<TElement> queries;
    private readonly DeviceBuffer<TElement> outputs;
    private AttentionInputs given;
    private int turn;

    private AttentionWorkload(TSpec attention, Work work, IKvCache<TSpec> cache)
    {
        this.attention = attention;
        this.work = work;
        this.cache = cache;
        plan = attention.CreatePlan();
        owned.AddRange([attention, cache, plan]);
        inputs = new(work);
        long rows = (long)work.Batch * work.Queries * work.QueryHeads;
        queryData = RandomData.Create<TElement>(Math.Min(RandomData.Period, rows * work.HeadDim), seed: 1);
        queries = attention.Device.Upload<TElement>(RandomData.Repeat(queryData, rows * work.HeadDim));
        outputs = attention.Device.Allocate<TElement>(rows * work.ValueDim);
        owned.AddRange([queries, outputs]);
    }

    public string Target => attention.Target.ToString();

    /// <summary>Opens work over a contiguous cache.</summary>
    /// <param name="device">The device.</param>
    /// <param name="work">The work.</param>
    /// <param name="extras">Gives the attention its further inputs; null: it has none.</param>
    /// <param name="createCache">Makes a cache of so many layers.</param>
    public static IWorkload Contiguous(
        ComputeDevice device, Work work, Func<Extras<TSpec>, AttentionInputs>? extras, Func<TSpec, int, IKvCache<TSpec>> createCache)
    {
        TSpec attention = TSpec.Create(device);
        return Open(new(attention, work, createCache(attention, Layers(work))), workload =>
        {
            SequenceHandle[] sequences = [.. Enumerable.Range(0, work.Batch).Select(_ => workload.cache.AddSequence())];
            workload.Fill(sequences, work.Sequence);
            workload.Plan(sequences);
            workload.given = extras?.Invoke(new(attention, workload.plan, work, workload.owned)) ?? default;
        });
    }

    /// <summary>Opens work over a paged cache.</summary>
    /// <param name="device">The device.</param>
    /// <param name="work">The work.</param>
    /// <param name="createCache">Makes a cache of so many layers.</param>
    public static IWorkload Paged(ComputeDevice device, Work work, Func<TSpec, int, PagedKvCache<TSpec>> createCache)
    {
        TSpec attention = TSpec.Create(device);
        PagedKvCache<TSpec> cache = createCache(attention, Layers(work));
        return Open(new(attention, work, cache), workload =>
        {
            SequenceHandle first = cache.AddSequence();
            workload.Fill([first], work.SharedKeys);
            SequenceHandle[] sequences =
                [first, .. Enumerable.Range(1, work.Batch - 1).Select(_ => work.SharedKeys > 0 ? cache.Fork(first) : cache.AddSequence())];
            workload.Fill(sequences, work.Sequence - work.SharedKeys);
            workload.plan.Work.SharesPrefixes = work.ReadsSharedKeysOnce;
            workload.Plan(sequences);
        });
    }

    public void Enqueue()
    {
        attention.SubmitAttend(plan, cache, turn, queries, outputs, given);
        turn = (turn + 1) % cache.Layers;
    }

    public string? FindFault()
    {
        int layer = turn;
        attention.Device.Queue.SubmitFill(outputs, RandomData.FromSingle<TElement>(float.NaN), 0, outputs.Length);
        Enqueue();
        var read = new TElement[outputs.Length];
        attention.Device.Queue.Read(outputs, read.AsSpan());
        return OutputCheck.Fault<TElement>(
            read, work.QueryHeads, work.ValueDim, OutputCheck.Tolerance(work.Storage, work.CacheStorage), (token, head) => Expected(
                token, head, layer));
    }

    public void Dispose()
    {
        attention.Device.Queue.Finish();
        for (int i = owned.Count - 1; i >= 0; i--)
        {
            owned[i].Dispose();
        }
    }

    private static AttentionWorkload<TSpec, TElement> Open(
        AttentionWorkload<TSpec, TElement> workload, Action<AttentionWorkload<TSpec, TElement>> prepare)
    {
        try
        {
            prepare(workload);
            return workload;
        }
        catch
        {
            workload.Dispose();
            throw;
        }
    }

    /// <summary>Prefill reads its keys many times over: out of the processor's caches as far as they go.</summary>
    private static int Layers(Work work) => work.Step == Step.Prefill || work.Latent
        ? 1 : (int)Math.Max(1, RotatedBytes / work.StoredBytes) + 1;

    /// <summary>Extends sequences by random tokens in all layers.</summary>
    private void Fill(SequenceHandle[] sequences, int tokens)
    {
        int piece = inputs.Piece(tokens);
        for (int index = 0; index < sequences.Length; index++)
        {
            for (int done = 0; done < tokens; done += piece)
            {
                int count = Math.Min(piece, tokens - done);
                cache.Extend(sequences[index], count);
                plan.Build(cache, [new AttentionRequest(sequences[index], count)]);
                for (int layer = 0; layer < cache.Layers; layer++)
                {
                    (DeviceBuffer<TElement> keys, DeviceBuffer<TElement> values) = inputs.Upload(
                        attention.Device, piece, index, done / piece, layer);
                    attention.SubmitAppend(plan, cache, layer, keys, values);
                }
            }
        }

        attention.Device.Queue.Finish();
        inputs.Dispose();
    }

    /// <summary>The reference's output of a query of the step.</summary>
    private double[] Expected(int token, int head, int layer)
    {
        int position = work.Step == Step.Prefill ? token % work.Sequence : work.Sequence - 1;
        (double[] keys, double[] values) = inputs.Rows(
            token / work.Queries, layer, head / (work.QueryHeads / work.KvHeads), WorkReference.Keys(work, position));
        double[] query = new double[work.HeadDim];
        long begin = (((long)token * work.QueryHeads) + head) * work.HeadDim;
        for (int d = 0; d < query.Length; d++)
        {
            query[d] = RandomData.ToSingle(queryData[(begin + d) % queryData.Length]);
        }

        return WorkReference.Row(work, head, query, keys, values);
    }

    private void Plan(SequenceHandle[] sequences) =>
        plan.Build(cache, [.. sequences.Select(sequence => new AttentionRequest(sequence, work.Queries, work.Sequence))]);
}
