namespace Kernels;

/// <summary>
/// Something that a spec can have beside its dimensions and its cache. This part is what kernels and host must agree on; the compiler's
/// says how it is parsed, checked and written into kernels. What an option does not say of itself has the safe answer.
/// </summary>
internal abstract partial class AttentionOption
{
    /// <summary>All keys of a sequence.</summary>
    protected static readonly (long Begin, long End) AllKeys = (0, long.MaxValue);

    /// <summary>Its property: of the attribute, of a shape, and of a launch's inputs if it has some.</summary>
    public abstract string Name { get; }

    /// <summary>Whether a shape has it. The other members are asked of shapes that do.</summary>
    public abstract bool IsIn(AttentionShape shape);

    /// <summary>What a launch gives for it, in order, as parameters of kernels.</summary>
    public virtual IReadOnlyList<KernelInput> Inputs => [];

    /// <summary>Whether a kernel is given <see cref="Inputs"/>: by default, whether it looks at scores.</summary>
    public virtual bool IsGivenTo(KernelAlgorithm algorithm) => KernelArguments.LooksAtScores(algorithm);

    /// <summary>
    /// Whether what a query makes of the keys before it depends on nothing but the query and the keys: not on its position, its request or
    /// the batch. Keys that requests have in common can then be read once for all of them.
    /// </summary>
    public virtual bool SharesPrefixes(AttentionShape shape) => false;

    /// <summary>The keys outside which no query of a range of positions sees one.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="first">The first position.</param>
    /// <param name="last">The last position.</param>
    /// <param name="prefix">Keys at the beginning that every query of the request sees, in a prefix-LM.</param>
    public virtual (long Begin, long End) Reach(AttentionShape shape, int first, int last, int prefix) => AllKeys;

    /// <summary>Whether kernels number the keys of all requests of a step, one after the other.</summary>
    public virtual bool NumbersKeys => false;

    /// <summary>Whether kernels need the position of each token of a step.</summary>
    public virtual bool NeedsPositions => false;

    /// <summary>The options that a shape has.</summary>
    public static IEnumerable<AttentionOption> Of(AttentionShape shape) => AttentionShape.Options.Where(option => option.IsIn(shape));

    /// <summary>Whether a shape has an option of which something holds.</summary>
    public static bool Any(AttentionShape shape, Func<AttentionOption, bool> holds)
    {
        foreach (AttentionOption option in AttentionShape.Options)
        {
            if (option.IsIn(shape) && holds(option))
            {
                return true;
            }
        }

        return false;
    }
}
