using Kernels.Compiler.Emit.Text;

namespace Kernels.Compiler.Targets;

/// <summary>A flash kernel of a target: its template, and what C# decides of it.</summary>
internal abstract class FlashSteps
{
    /// <summary>
    /// The kernel's template, with the sections <c>tile</c> (its constants), <c>functions</c> and <c>kernel</c> (what follows the item's
    /// declaration).
    /// </summary>
    public abstract string Template { get; }

    /// <summary>What the template's holes take beside those <paramref name="around"/>, which every flash kernel has.</summary>
    public abstract Holes Fill(Holes around);

    /// <summary>The tile that one work-group works on.</summary>
    public abstract TilePlan Tile { get; }

    /// <summary>
    /// Whether all items of a head start before those of the next; else all heads of an item do. Work-groups start in the order of their
    /// ids,
    /// the first dimension's one after the other.
    /// </summary>
    public virtual bool StartsHeadByHead => false;

    /// <summary>Whether the loop over the keys may go on without a tile's steps: not where tiles are fetched ahead.</summary>
    public virtual bool CanLeaveOutTiles => true;

    /// <summary>Whether there are scores of keys past the item's end, which must be hidden.</summary>
    public virtual bool ReadsPastEnd => true;

    /// <summary>Whether the steps call <c>key_row</c>, <c>value_row</c> and <c>scale_index</c>, which find a token's rows.</summary>
    public virtual bool CallsRowFunctions => true;

    /// <summary>Whether values are read by rows of their own: not where they are found in the keys of a latent cache.</summary>
    public virtual bool CallsValueRow => true;

    /// <summary>Whether the steps call <c>make_row</c>.</summary>
    public virtual bool MakesRows => true;
}
