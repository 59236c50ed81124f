using Kernels.OpenCL;

namespace Kernels.Benchmarks.Compare;

/// <summary>A step of generated attention over a filled cache, planned once, as a layer of a model runs it.</summary>
internal sealed class AttentionWorkload<TSpec, TElement> : IWorkload
    where TSpec : IAttention<TSpec, TElement>
    where TElement : unmanaged
{
    // Copies of the cache make up this much where reading is what counts: far more than any processor's caches.
    private const long RotatedBytes = 512L << 20;

    // Elements of keys that are appended at a time.
    private const int FillElements = 1 << 22;

    private readonly TSpec attention;
    private readonly Work work;
    private readonly IKvCache<TSpec> cache;
    private readonly AttentionPlan<TSpec> plan;
    private readonly List<IDisposable> owned = [];
    private readonly DeviceBuffer<TElement> queries;
    private readonly DeviceBuffer<TElement> outputs;
    private int turn;

    private AttentionWorkload(TSpec attention, Work work, IKvCache<TSpec> cache)
    {
        this.attention = attention;
        this.work = work;
        this.cache = cache;
        plan = attention.CreatePlan();
        owned.AddRange([attention, cache, plan]);
        int tokens = work.Batch * (work.Step == Step.Prefill ? work.Sequence : 1);
        queries = attention.Device.Upload<TElement>(RandomData.Create<TElement>((long)tokens * work.QueryHeads * work.HeadDim, seed: 1));
        outputs = attention.Device.Allocate<TElement>((long)tokens * work.QueryHeads * work.ValueDim);
        owned.AddRange([queries, outputs]);
    }

    public string Target => attention.Target.ToString();

    /// <summary>Opens work over a contiguous cache.</summary>
    /// <param name="device">The device.</param>
    /// <param name="work">The work.</param>
    /// <param name="extras">Gives the attention its further inputs; null: it has none.</param>
    /// <param name="createCache">Makes a cache of so many layers.</param>
    public static IWorkload Contiguous(ComputeDevice device, Work work, Action<Extras<TSpec>>? extras, Func<TSpec, int, IKvCache<TSpec>> createCache)
    {
        TSpec attention = TSpec.Create(device);
        return Open(new(attention, work, createCache(attention, Layers(work))), workload =>
        {
            int[] sequences = [.. Enumerable.Range(0, work.Batch)];
            workload.Fill(sequences, work.Sequence);
            workload.Plan(sequences);
            extras?.Invoke(new(attention, workload.plan, work, workload.owned));
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
            int first = cache.Create();
            workload.Fill([first], work.SharedKeys);
            int[] sequences = [first, .. Enumerable.Range(1, work.Batch - 1).Select(_ => work.SharedKeys > 0 ? cache.Fork(first) : cache.Create())];
            workload.Fill(sequences, work.Sequence - work.SharedKeys);
            workload.plan.Work.SharesPrefixes = work.ReadsSharedKeysOnce;
            workload.Plan(sequences);
        });
    }

    public void Enqueue()
    {
        attention.SubmitAttend(plan, cache, turn, queries, outputs);
        turn = (turn + 1) % cache.Layers;
    }

    public bool HasPlausibleOutputs()
    {
        var read = new TElement[Math.Min(outputs.Length, 1 << 20)];
        attention.Device.Queue.Read(outputs, read.AsSpan(), outputs.Length - read.Length);
        return read.All(value => float.IsFinite(RandomData.ToSingle(value))) && read.Distinct().Skip(read.Length / 100).Any();
    }

    public void Dispose()
    {
        attention.Device.Queue.Finish();
        for (int i = owned.Count - 1; i >= 0; i--)
        {
            owned[i].Dispose();
        }
    }

    private static AttentionWorkload<TSpec, TElement> Open(AttentionWorkload<TSpec, TElement> workload, Action<AttentionWorkload<TSpec, TElement>> prepare)
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
    private static int Layers(Work work) => work.Step == Step.Prefill || work.Latent ? 1 : (int)Math.Max(1, RotatedBytes / work.StoredBytes) + 1;

    /// <summary>Extends sequences by random tokens in all layers.</summary>
    private void Fill(int[] sequences, int tokens)
    {
        int most = Math.Max(1, FillElements / (work.KvHeads * work.HeadDim));
        int piece = Math.Min(most, tokens);
        using DeviceBuffer<TElement> keys = attention.Device.Upload<TElement>(RandomData.Create<TElement>((long)piece * work.KvHeads * work.HeadDim, seed: 2));
        using DeviceBuffer<TElement> values = attention.Device.Upload<TElement>(RandomData.Create<TElement>((long)piece * work.KvHeads * work.ValueDim, seed: 3));
        foreach (int sequence in sequences)
        {
            for (int done = 0; done < tokens; done += piece)
            {
                int count = Math.Min(piece, tokens - done);
                cache.Extend(sequence, count);
                plan.Build(cache, [new AttentionRequest(sequence, count, cache.Length(sequence))]);
                for (int layer = 0; layer < cache.Layers; layer++)
                {
                    attention.Append(plan, cache, layer, keys, values).Dispose();
                }
            }
        }
    }

    private void Plan(int[] sequences) =>
        plan.Build(cache, [.. sequences.Select(sequence => new AttentionRequest(sequence, work.Step == Step.Prefill ? work.Sequence : 1, work.Sequence))]);
}
