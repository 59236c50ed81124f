namespace Kernels.Benchmarks.Compare;

/// <summary>A piece of work, in terms that every participant understands.</summary>
/// <param name="Name">Its name in tables.</param>
/// <param name="Step">Prefill or decode.</param>
/// <param name="Batch">Sequences.</param>
/// <param name="QueryHeads">H_q.</param>
/// <param name="KvHeads">H_kv.</param>
/// <param name="HeadDim">d_qk.</param>
/// <param name="ValueDim">d_v.</param>
/// <param name="Sequence">Keys of a sequence; in prefill queries too.</param>
/// <param name="Storage">The type of queries and outputs.</param>
/// <param name="CacheStorage">The type of cached keys and values.</param>
/// <param name="Scale">The factor on q·k.</param>
internal sealed record Work(
    string Name, Step Step, int Batch, int QueryHeads, int KvHeads, int HeadDim, int ValueDim, int Sequence, ElementType Storage,
    ElementType CacheStorage, double Scale)
{
    /// <summary>Whether a query sees no later key; in decode it makes no difference.</summary>
    public bool Causal { get; init; }

    /// <summary>Keys that a query sees, its own included; 0: all that the mask shows.</summary>
    public int Window { get; init; }

    /// <summary>Tokens of a page of the cache; 0: contiguous.</summary>
    public int PageSize { get; init; }

    /// <summary>Keys at the beginning that all sequences share.</summary>
    public int SharedKeys { get; init; }

    /// <summary>Whether shared keys are read once for all sequences.</summary>
    public bool ReadsSharedKeysOnce { get; init; }

    /// <summary>Whether the value is the first part of the key.</summary>
    public bool Latent { get; init; }

    /// <summary>The mod.</summary>
    public Mod Mod { get; init; }

    /// <summary>Bytes that a token takes in the cache, its scales included.</summary>
    public long CacheBytesPerToken { get; init; }

    /// <summary>Query tokens of a sequence.</summary>
    public int Queries => Step == Step.Prefill ? Sequence : 1;

    /// <summary>
    /// Pairs of a query and a key that it sees, for one head of one sequence. A causal triangle counts as half a square, as in the field's
    /// literature.
    /// </summary>
    public double VisibleScores => Step == Step.Decode ? Sequence
        : Window > 0 ? (Window * (Window + 1.0) / 2) + ((Sequence - Window) * (double)Window)
        : Causal ? (double)Sequence * Sequence / 2
        : (double)Sequence * Sequence;

    /// <summary>Floating-point operations of the two products.</summary>
    public double Flops => 2.0 * (HeadDim + ValueDim) * Batch * QueryHeads * VisibleScores;

    /// <summary>Bytes of keys and values that the sequences hold, shared ones counted once.</summary>
    public double StoredBytes => CacheBytesPerToken * (SharedKeys + ((double)Batch * (Sequence - SharedKeys)));

    /// <summary>Bytes of keys and values that the work has to read.</summary>
    public double Bytes => ReadsSharedKeysOnce ? StoredBytes : (double)CacheBytesPerToken * Batch * Sequence;
}
