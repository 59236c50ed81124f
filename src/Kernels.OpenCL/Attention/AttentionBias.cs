using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// What is added to scores, for a spec with <see cref="AttentionKernelAttribute.Bias"/>: float32, row-major
/// [requests, query heads, queries, keys], where an axis of 1 (but that of the keys) serves all. It is added to
/// scale·(q·k) in natural units; −∞ hides a key.
/// </summary>
public sealed class AttentionBias
{
    /// <summary>Describes biases on the device; the buffer stays the caller's.</summary>
    /// <param name="values">The biases, [requests, heads, queries, keys].</param>
    /// <param name="requests">Requests, in the order of the step's requests; or 1 for all.</param>
    /// <param name="heads">H_q; or 1 for all.</param>
    /// <param name="queries">
    /// Rows, one for each query token of a request: as many as the longest request of a step has, or more; or 1 for all.
    /// </param>
    /// <param name="keys">Columns, one for each position of a sequence: as many as the longest sequence of a step has, or more.</param>
    /// <exception cref="ArgumentException">The buffer is smaller than that.</exception>
    public AttentionBias(DeviceBuffer<float> values, int requests, int heads, int queries, int keys)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(requests);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(queries);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keys);
        Int128 length = (Int128)requests * heads * queries * keys;
        if (values.Length < length)
        {
            throw new ArgumentException(
                $"Expected at least {length} elements (requests × heads × queries × keys), got a buffer of {values.Length}.",
                nameof(values));
        }

        Values = values;
        Requests = requests;
        Heads = heads;
        Queries = queries;
        Keys = keys;
    }

    /// <summary>The biases.</summary>
    public DeviceBuffer<float> Values { get; }

    /// <summary>Requests that have biases of their own; 1: all have the same.</summary>
    public int Requests { get; }

    /// <summary>Query heads that have biases of their own; 1: all have the same.</summary>
    public int Heads { get; }

    /// <summary>Queries of a request that have biases of their own; 1: all have the same.</summary>
    public int Queries { get; }

    /// <summary>Keys of a row.</summary>
    public int Keys { get; }

    internal long RequestStride => Requests == 1 ? 0 : (long)Heads * Queries * Keys;

    internal long HeadStride => Heads == 1 ? 0 : (long)Queries * Keys;

    internal long QueryStride => Queries == 1 ? 0 : Keys;

    /// <summary>Biases as the input of a launch.</summary>
    internal sealed class Input() : LaunchInput<AttentionBias>(new BiasOption(), "biases")
    {
        public override AttentionInputs AddZeros(in AttentionInputs inputs, AttentionShape shape, int keys, ZeroBuffers zeros) =>
            inputs with { Bias = new AttentionBias(zeros.Create<float>(keys), requests: 1, heads: 1, queries: 1, keys) };

        protected override AttentionBias? Of(in AttentionInputs inputs) => inputs.Bias;

        protected override void Check(AttentionBias input, AttentionShape shape, WorkPlan work)
        {
            ExpectAxis(Option.Name, "requests", input.Requests, work.Requests, orOne: true);
            if (input.Heads != 1 && input.Heads != shape.QueryHeads)
            {
                throw new ArgumentException($"Expected biases of 1 or {shape.QueryHeads} heads, got {input.Heads}.", Option.Name);
            }

            ExpectAxis(Option.Name, "queries", input.Queries, work.LongestQueries, orOne: true);
            ExpectAxis(Option.Name, "keys", input.Keys, work.LongestKeys);
        }

        protected override ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, AttentionBias input) =>
            argument == BiasOption.Values ? kernel.Set(index, input.Values)
            : argument == BiasOption.RequestStride ? kernel.Set(index, input.RequestStride)
            : argument == BiasOption.HeadStride ? kernel.Set(index, input.HeadStride)
            : kernel.Set(index, input.QueryStride);
    }
}
