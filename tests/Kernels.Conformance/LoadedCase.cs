using System.Runtime.InteropServices;
using Kernels.OpenCL;
using Kernels.Planning;

namespace Kernels.Conformance;

/// <summary>A case on the device: its sequences in a cache, its queries, and whatever else its launches take.</summary>
internal sealed class LoadedCase<TSpec, T> : IDisposable
    where T : unmanaged
{
    private readonly AttentionCase test;
    private readonly KernelsUnderTest<TSpec, T> kernels;
    private readonly LaunchData data;
    private readonly SequenceInputs<T>[] inputs;
    private readonly SequenceHandle[] sequences;
    private readonly IKvCache<TSpec> cache;
    private readonly AttentionPlan<TSpec> plan;
    private int[] planned = [];

    /// <param name="test">The case.</param>
    /// <param name="kernels">The kernels, with the inputs of mods set.</param>
    /// <param name="mods">The spec's mods as the reference gets them.</param>
    /// <param name="poisons">Whether the cache is filled with NaN first.</param>
    /// <param name="shared">
    /// Tokens that all sequences have in common: all are forked from the first when it has so many. 0: none is forked.
    /// </param>
    /// <param name="pool">
    /// Pages of a pool that is much larger than needed: those of the sequences lie all over it, and nothing else of it is touched. 0: few
    /// more than needed.
    /// </param>
    public LoadedCase(
        AttentionCase test, KernelsUnderTest<TSpec, T> kernels, ReferenceOptions mods, bool poisons = true, int shared = 0, int pool = 0)
    {
        this.test = test;
        this.kernels = kernels;
        var random = new Random(test.Seed);
        data = new LaunchData(test, random, mods);
        inputs = new SequenceInputs<T>[test.Lengths.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = new SequenceInputs<T>(
                test, test.Lengths[i].Queries, test.Lengths[i].Keys, random, data.Rope, i == 0 ? null : inputs[0], shared);
        }

        (cache, sequences) = test.Shape.PageSize == 0 ? Contiguous() : pool > 0 ? AllOver(pool) : Paged(shared);
        plan = kernels.CreatePlan();
        if (poisons && pool == 0)
        {
            Poison(); // none of it may reach an output
        }

        if (test.Shape.CacheScale == CacheScale.PerHead && !test.HasExactInputs)
        {
            SetScales(new Random(test.Seed));
        }

        kernels.Set(data.Upload(kernels.Device));
        if (shared > 0)
        {
            Append([(0, shared)]);
            Fork((PagedKvCache<TSpec>)cache);
            Append([.. test.Lengths.Select(pair => (shared, pair.Keys))]);
        }
        else
        {
            // In two steps, so that the second begins somewhere in the middle of each sequence.
            Append([.. test.Lengths.Select(pair => (0, pair.Keys / 3))]);
            Append([.. test.Lengths.Select(pair => (pair.Keys / 3, pair.Keys))]);
        }

        if (pool == 0)
        {
            CacheContents contents = CacheContents.Of(test.Shape, cache);
            Difference = inputs
                .Select((input, i) => input.TakeFrom(contents, sequences[i]) is { } difference ? $"sequence {i}: {difference}" : null)
                .FirstOrDefault(difference => difference is not null);
        }
    }

    /// <summary>In what the cache differs from what was appended, or null.</summary>
    public string? Difference { get; }

    /// <summary>The work of the step as it was planned last.</summary>
    public WorkPlan Work => plan.Work;

    /// <summary>Plans a step of all requests.</summary>
    public AttentionPlan<TSpec> Plan() => Plan([.. Enumerable.Range(0, inputs.Length)]);

    /// <summary>Plans a step of some requests.</summary>
    public AttentionPlan<TSpec> Plan(int[] requests)
    {
        planned = requests;
        plan.Build(
            cache,
            [.. requests.Select(
                i => new AttentionRequest(sequences[i], test.Lengths[i].Queries, test.Lengths[i].Keys, test.PrefixLength))]);
        return plan;
    }

    /// <summary>Runs the step that was planned.</summary>
    public Launched<T> Launch()
    {
        AttentionShape shape = test.Shape;
        ComputeDevice device = kernels.Device;
        T[] outputs = new T[plan.Tokens * shape.QueryHeads * shape.ValueDim];
        float[] lse = new float[plan.Tokens * shape.QueryHeads];

        // Poisoned, so that an output that no kernel writes is seen.
        outputs.AsSpan().Fill(Elements.From<T>(float.NaN));
        lse.AsSpan().Fill(float.NaN);
        using DeviceBuffer<T> queries = device.Upload<T>([.. planned.SelectMany(i => inputs[i].Queries)]);
        using DeviceBuffer<T> deviceOutputs = device.Upload<T>(outputs);
        using DeviceBuffer<float> deviceLse = device.Upload<float>(lse);
        kernels.Attend(plan, cache, queries, deviceOutputs, deviceLse).Dispose();
        device.Queue.Read(deviceOutputs, outputs.AsSpan());
        device.Queue.Read(deviceLse, lse.AsSpan());
        return new Launched<T>(outputs, lse);
    }

    /// <summary>Holds a launch of all requests against the reference.</summary>
    public CaseResult Compare(Launched<T> launched, bool measuresQuantisation = true) =>
        CaseRunner.Compare(test, inputs, launched.Outputs, launched.Lse, data, measuresQuantisation);

    public void Dispose()
    {
        plan.Dispose();
        cache.Dispose();
        data.Dispose();
    }

    /// <summary>A cache with a spare sequence and spare tokens.</summary>
    private (IKvCache<TSpec>, SequenceHandle[]) Contiguous()
    {
        int longest = Math.Max(1, test.Lengths.Max(pair => pair.Keys));
        IKvCache<TSpec> contiguous = kernels.CreateContiguousCache(test.Lengths.Count + 1, longest + 3);
        SequenceHandle[] added = contiguous.AddSequences(test.Lengths.Count);
        for (int i = 0; i < added.Length; i++)
        {
            contiguous.Extend(added[i], test.Lengths[i].Keys);
        }

        return (contiguous, added);
    }

    /// <summary>
    /// A cache in which the sequences' pages lie scattered: they grow in turn, by odd lengths. Of sequences that share tokens, the first
    /// with those.
    /// </summary>
    private (IKvCache<TSpec>, SequenceHandle[]) Paged(int shared)
    {
        int size = test.Shape.PageSize;
        PagedKvCache<TSpec> paged = kernels.CreatePagedCache(3 + test.Lengths.Sum(pair => (pair.Keys + size - 1) / size));
        if (shared > 0)
        {
            SequenceHandle[] created = new SequenceHandle[test.Lengths.Count];
            created[0] = paged.AddSequence();
            paged.Extend(created[0], shared);
            return (paged, created);
        }

        return (paged, InTurn(paged, Math.Max(1, (2 * size) - 1)));
    }

    /// <summary>
    /// A large pool: takes all pages, gives back some all over the pool, the last one included, and makes the sequences of those.
    /// </summary>
    private (IKvCache<TSpec>, SequenceHandle[]) AllOver(int pages)
    {
        int size = test.Shape.PageSize, needed = test.Lengths.Sum(pair => (pair.Keys + size - 1) / size);
        PagedKvCache<TSpec> paged = kernels.CreatePagedCache(pages);
        HashSet<int> free = [.. Enumerable.Range(0, needed).Select(i => (int)((pages - 1L) * i / (needed - 1)))];
        SequenceHandle[] all = [.. Enumerable.Range(0, pages).Select(_ => paged.AddSequence())];
        foreach (SequenceHandle sequence in all)
        {
            paged.Extend(sequence, size);
        }

        foreach (SequenceHandle sequence in all.Where(sequence => free.Contains(paged.GetPages(sequence)[0])))
        {
            paged.Release(sequence);
        }

        return (paged, InTurn(paged, size));
    }

    /// <summary>Makes sequences that grow in turn.</summary>
    private SequenceHandle[] InTurn(PagedKvCache<TSpec> paged, int step)
    {
        SequenceHandle[] created = [.. test.Lengths.Select(_ => paged.AddSequence())];
        while (created.Where((sequence, i) => paged.GetLength(sequence) < test.Lengths[i].Keys).Any())
        {
            for (int i = 0; i < created.Length; i++)
            {
                paged.Extend(created[i], Math.Min(step, test.Lengths[i].Keys - paged.GetLength(created[i])));
            }
        }

        return created;
    }

    /// <summary>Makes the other sequences of the first one, and all as long as they are to be.</summary>
    private void Fork(PagedKvCache<TSpec> paged)
    {
        for (int i = 1; i < sequences.Length; i++)
        {
            sequences[i] = paged.Fork(sequences[0]);
        }

        for (int i = 0; i < sequences.Length; i++)
        {
            paged.Extend(sequences[i], test.Lengths[i].Keys - paged.GetLength(sequences[i]));
        }
    }

    private void Poison()
    {
        Fill(cache.GetKeys(0));
        Fill(cache.GetValues(0));
        if (test.Shape.CacheScale == CacheScale.PerToken)
        {
            Fill(cache.GetKeyScales(0));
            Fill(cache.GetValueScales(0));
        }

        void Fill(DeviceBuffer<byte> buffer) => kernels.Device.Queue.EnqueueFill(buffer, byte.MaxValue, 0, buffer.Length).Dispose();
    }

    /// <summary>
    /// Scales that differ from head to head, no powers of two, under which no input is saturated; the first head keeps its 1.
    /// </summary>
    private void SetScales(Random random)
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

        float[] Scales() =>
            [.. Enumerable.Range(0, test.Shape.KvHeads).Select(head => head == 0 ? 1 : (float)(0.013 + (0.05 * random.NextDouble())))];
    }

    /// <summary>Appends a range of the tokens of each sequence, or of the first ones.</summary>
    private void Append((int Begin, int End)[] ranges)
    {
        AttentionShape shape = test.Shape;
        plan.Build(cache, [.. ranges.Select((range, i) => new AttentionRequest(sequences[i], range.End - range.Begin, range.End))]);
        using DeviceBuffer<T> keys = kernels.Device.Upload<T>(Pack(input => input.Keys, shape.KvHeads * shape.HeadDim));
        using DeviceBuffer<T> values = kernels.Device.Upload<T>(
            Pack(input => input.Values, shape.LatentCache ? 0 : shape.KvHeads * shape.ValueDim));
        kernels.Append(plan, cache, keys, values).Dispose();

        T[] Pack(Func<SequenceInputs<T>, T[]> part, int each) =>
            [.. ranges.SelectMany((range, i) => part(inputs[i])[(range.Begin * each)..(range.End * each)])];
    }
}
