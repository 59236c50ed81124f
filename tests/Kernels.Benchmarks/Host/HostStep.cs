using Kernels.Benchmarks.Compare;
using Kernels.OpenCL;

namespace Kernels.Benchmarks.Host;

/// <summary>Steps of Llama 3's shape in float16.</summary>
internal static class HostStep
{
    /// <summary>Sequences of a step.</summary>
    public const int Sequences = 16;

    /// <summary>Tokens of a sequence.</summary>
    public const int Tokens = 1024;

    /// <summary>A step over a contiguous cache.</summary>
    public static IHostStep Contiguous(ComputeDevice device)
    {
        var attention = new GroupedHalf(device);
        KvCache<GroupedHalf> cache = attention.CreateCache(Sequences, Tokens);
        return new HostStep<GroupedHalf>(attention, cache, [.. Enumerable.Range(0, Sequences).Select(_ => cache.AddSequence())]);
    }

    /// <summary>A step over a cache in pages of 16.</summary>
    public static IHostStep Paged(ComputeDevice device)
    {
        var attention = new GroupedPagedHalf(device);
        PagedKvCache<GroupedPagedHalf> cache = attention.CreateCache(Sequences * Tokens / 16);
        return new HostStep<GroupedPagedHalf>(attention, cache, [.. Enumerable.Range(0, Sequences).Select(_ => cache.AddSequence())]);
    }
}

/// <summary>
/// A decode step. Its plan is of whole sequences; what is enqueued reads 16 keys of each, so that a device is done with it sooner than the
/// host with the next.
/// </summary>
internal sealed class HostStep<TSpec> : IHostStep
    where TSpec : IAttention<TSpec, Half>
{
    private const int FewKeys = 16;

    private readonly TSpec attention;
    private readonly IKvCache<TSpec> cache;
    private readonly AttentionRequest[] requests;
    private readonly AttentionPlan<TSpec> plan;
    private readonly AttentionPlan<TSpec> shortPlan;
    private readonly DeviceBuffer<Half> queries;
    private readonly DeviceBuffer<Half> keys;
    private readonly DeviceBuffer<Half> values;
    private readonly DeviceBuffer<Half> outputs;

    /// <param name="attention">The attention; it is taken over.</param>
    /// <param name="cache">Its cache, of empty sequences; it is taken over.</param>
    /// <param name="sequences">These sequences.</param>
    public HostStep(TSpec attention, IKvCache<TSpec> cache, SequenceHandle[] sequences)
    {
        this.attention = attention;
        this.cache = cache;
        foreach (SequenceHandle sequence in sequences)
        {
            cache.Extend(sequence, HostStep.Tokens);
            cache.MarkWritten(sequence); // whatever lies there: nobody looks at the outputs
        }

        requests = [.. sequences.Select(sequence => new AttentionRequest(sequence, 1, HostStep.Tokens))];
        plan = attention.CreatePlan();
        shortPlan = attention.CreatePlan();
        shortPlan.Build(cache, [.. sequences.Select(sequence => new AttentionRequest(sequence, 1, FewKeys))]);
        AttentionShape shape = TSpec.Descriptor.Shape;
        queries = attention.Device.Upload<Half>(new Half[sequences.Length * shape.QueryHeads * shape.HeadDim]);
        keys = attention.Device.Upload<Half>(new Half[sequences.Length * shape.KvHeads * shape.HeadDim]);
        values = attention.Device.Upload<Half>(new Half[sequences.Length * shape.KvHeads * shape.ValueDim]);
        outputs = attention.Device.Allocate<Half>(sequences.Length * shape.QueryHeads * shape.ValueDim);
    }

    public KernelTarget Target => attention.Target;

    public void Plan() => plan.Build(cache, requests);

    public void SubmitAppend() => attention.SubmitAppend(shortPlan, cache, 0, keys, values);

    public void SubmitAttend() => attention.SubmitAttend(shortPlan, cache, 0, queries, outputs);

    public void Finish() => attention.Device.Queue.Finish();

    public void Dispose()
    {
        Finish();
        foreach (IDisposable one in (IDisposable[])[outputs, values, keys, queries, shortPlan, plan, cache, attention])
        {
            one.Dispose();
        }
    }
}
