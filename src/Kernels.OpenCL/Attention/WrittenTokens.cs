namespace Kernels.OpenCL;

/// <summary>
/// How many of a sequence's first tokens each layer of a cache holds, or will when the commands enqueued so far have run. A sequence's
/// length runs ahead of it, from the moment that makes room to the append of the last layer.
/// </summary>
/// <param name="layers">Layers of the cache.</param>
internal sealed class WrittenTokens(int layers)
{
    // A row of layers for each sequence. Not one array: sequences × layers may be more than it can hold.
    private int[][] tokens = [];

    /// <summary>Tokens of a sequence in a layer.</summary>
    /// <param name="sequence">The sequence's index.</param>
    /// <param name="layer">The layer.</param>
    public ref int this[int sequence, int layer] => ref tokens[sequence][layer];

    /// <summary>Begins a sequence that has so many tokens in all layers.</summary>
    public void Begin(int sequence, int length)
    {
        if (tokens.Length <= sequence)
        {
            Array.Resize(ref tokens, Math.Max(sequence + 1, (int)Math.Min(Array.MaxLength, 2L * tokens.Length)));
        }

        (tokens[sequence] ??= new int[layers]).AsSpan().Fill(length);
    }

    /// <summary>Tokens that all layers have of a sequence.</summary>
    public int InAllLayers(int sequence)
    {
        int least = int.MaxValue;
        foreach (int length in tokens[sequence])
        {
            least = Math.Min(least, length);
        }

        return least;
    }

    /// <summary>Forgets what lies beyond a length.</summary>
    public void Truncate(int sequence, int length)
    {
        foreach (ref int held in tokens[sequence].AsSpan())
        {
            held = Math.Min(held, length);
        }
    }
}
