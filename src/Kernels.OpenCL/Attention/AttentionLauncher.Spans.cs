namespace Kernels.OpenCL;

/// <content>The methods on spans: each uploads, runs one step on layer 0 and waits for it.</content>
public sealed partial class AttentionLauncher<TSpec, TElement>
{
    private readonly AttentionPlan<TSpec> ownPlan;
    private DeviceBuffer<TElement>? stagedQueries;
    private DeviceBuffer<TElement>? stagedKeys;
    private DeviceBuffer<TElement>? stagedValues;
    private DeviceBuffer<TElement>? stagedOutputs;
    private readonly SequenceSet distinct = new();
    private AttentionRequest[] requests = new AttentionRequest[1];

    /// <summary>Appends tokens to one sequence; returns when they are in the cache's layer 0.</summary>
    public void Append(
        IKvCache<TSpec> cache, SequenceHandle sequence,
        ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values, AttentionInputs inputs = default)
    {
        int tokens = TokensOf(keys.Length, shape.KvHeads * shape.HeadDim, nameof(keys));
        Expect(values.Length, (long)tokens * shape.KvHeads * shape.ValueDim, nameof(values));
        lock (launching)
        {
            ReadOnlySpan<SequenceHandle> sequences = [sequence];
            Check(cache, sequences, nameof(sequence));
            Extend(cache, sequences, tokens);
            try
            {
                Plan(cache, sequences, tokens, attends: false);
                SubmitAppend(ownPlan, cache, 0, Staged(ref stagedKeys, keys), Staged(ref stagedValues, values), inputs);
                Device.Queue.Finish();
            }
            catch
            {
                Shorten(cache, sequences, tokens);
                throw;
            }
        }
    }

    /// <summary>
    /// Attention of one sequence's queries over layer 0 of its cache, nothing appended; returns when the outputs are there.
    /// </summary>
    public void Attend(
        IKvCache<TSpec> cache, SequenceHandle sequence,
        ReadOnlySpan<TElement> queries, Span<TElement> outputs, AttentionInputs inputs = default)
    {
        int tokens = TokensOf(queries.Length, shape.QueryHeads * shape.HeadDim, nameof(queries));
        Expect(outputs.Length, (long)tokens * shape.QueryHeads * shape.ValueDim, nameof(outputs));
        lock (launching)
        {
            Check(cache, [sequence], nameof(sequence));
            Plan(cache, [sequence], tokens, attends: true);
            AttendAndRead(cache, queries, outputs, inputs);
        }
    }

    /// <summary>Appends a prompt's tokens to one sequence and runs their queries; returns when the outputs are there.</summary>
    public void Prefill(
        IKvCache<TSpec> cache, SequenceHandle sequence,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values,
        Span<TElement> outputs, AttentionInputs inputs = default)
    {
        int tokens = TokensOf(queries.Length, shape.QueryHeads * shape.HeadDim, nameof(queries));
        Step(cache, [sequence], tokens, queries, keys, values, outputs, inputs);
    }

    /// <summary>Appends one token to each of several sequences and runs their queries; returns when the outputs are there.</summary>
    public void Decode(
        IKvCache<TSpec> cache, ReadOnlySpan<SequenceHandle> sequences,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values,
        Span<TElement> outputs, AttentionInputs inputs = default)
    {
        Expect(queries.Length, (long)sequences.Length * shape.QueryHeads * shape.HeadDim, nameof(queries));
        Step(cache, sequences, 1, queries, keys, values, outputs, inputs);
    }

    private void Step(
        IKvCache<TSpec> cache, ReadOnlySpan<SequenceHandle> sequences, int tokensEach,
        ReadOnlySpan<TElement> queries, ReadOnlySpan<TElement> keys, ReadOnlySpan<TElement> values,
        Span<TElement> outputs, AttentionInputs inputs = default)
    {
        long tokens = (long)sequences.Length * tokensEach;
        Expect(keys.Length, tokens * shape.KvHeads * shape.HeadDim, nameof(keys));
        Expect(values.Length, tokens * shape.KvHeads * shape.ValueDim, nameof(values));
        Expect(outputs.Length, tokens * shape.QueryHeads * shape.ValueDim, nameof(outputs));
        lock (launching)
        {
            Check(cache, sequences, nameof(sequences));
            Extend(cache, sequences, tokensEach);
            try
            {
                Plan(cache, sequences, tokensEach, attends: true);
                SubmitAppend(ownPlan, cache, 0, Staged(ref stagedKeys, keys), Staged(ref stagedValues, values), inputs);
                AttendAndRead(cache, queries, outputs, inputs);
            }
            catch
            {
                // What was not written must not count as written.
                Shorten(cache, sequences, tokensEach);
                throw;
            }
        }
    }

    /// <summary>Whether the step can be taken, as far as its sequences go; before anything is changed.</summary>
    private void Check(IKvCache<TSpec> cache, ReadOnlySpan<SequenceHandle> sequences, string name)
    {
        ThrowIfDisposed();
        ArgumentNullException.ThrowIfNull(cache);
        cache.ThrowIfDisposed();
        if (cache.Device != Device)
        {
            throw new ArgumentException($"The cache is on {cache.Device}; the kernels are for {Device}.", nameof(cache));
        }

        distinct.Clear();
        foreach (SequenceHandle sequence in sequences)
        {
            if (!distinct.Add(cache.IndexOf(sequence)))
            {
                throw new ArgumentException($"The step has sequence {sequence} twice; each takes one token of a step.", name);
            }

            cache.ThrowIfSwappedOut(sequence);
        }
    }

    /// <summary>Extends all sequences or, when one is full, none.</summary>
    private static void Extend(IKvCache<TSpec> cache, ReadOnlySpan<SequenceHandle> sequences, int tokens)
    {
        int extended = 0;
        try
        {
            for (; extended < sequences.Length; extended++)
            {
                cache.Extend(sequences[extended], tokens);
            }
        }
        catch
        {
            Shorten(cache, sequences[..extended], tokens);

            throw;
        }
    }

    private static void Shorten(IKvCache<TSpec> cache, ReadOnlySpan<SequenceHandle> sequences, int tokens)
    {
        foreach (SequenceHandle sequence in sequences)
        {
            cache.Truncate(sequence, cache.GetLength(sequence) - tokens);
        }
    }

    private void Plan(IKvCache<TSpec> cache, ReadOnlySpan<SequenceHandle> sequences, int tokensEach, bool attends)
    {
        if (requests.Length < sequences.Length)
        {
            requests = new AttentionRequest[sequences.Length];
        }

        for (int i = 0; i < sequences.Length; i++)
        {
            requests[i] = new AttentionRequest(sequences[i], tokensEach);
        }

        ownPlan.Build(cache, requests.AsSpan(0, sequences.Length), attends);
    }

    private void AttendAndRead(IKvCache<TSpec> cache, ReadOnlySpan<TElement> queries, Span<TElement> outputs, AttentionInputs inputs)
    {
        Device.Grow(ref stagedOutputs, outputs.Length);
        SubmitAttend(ownPlan, cache, 0, Staged(ref stagedQueries, queries), stagedOutputs!, inputs);
        Device.Queue.Read(stagedOutputs!, outputs);
    }

    private DeviceBuffer<TElement> Staged(ref DeviceBuffer<TElement>? buffer, ReadOnlySpan<TElement> data)
    {
        Device.Grow(ref buffer, data.Length);
        Device.Queue.Write(buffer!, data);
        return buffer!;
    }

    private static int TokensOf(int length, int perToken, string name) => length % perToken == 0
        ? length / perToken
        : throw new ArgumentException($"Expected a multiple of {perToken} elements (one token), got {length}.", name);

    private static void Expect(int length, long expected, string name)
    {
        if (length != expected)
        {
            throw new ArgumentException($"Expected {expected} elements, got {length}.", name);
        }
    }
}
