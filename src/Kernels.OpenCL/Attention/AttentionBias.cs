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
    /// <param name="queries">Rows, one for each query token of a request: as many as the longest request of a step has, or more; or 1 for all.</param>
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
            throw new ArgumentException($"Expected at least {length} elements (requests × heads × queries × keys), got a buffer of {values.Length}.", nameof(values));
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
}
