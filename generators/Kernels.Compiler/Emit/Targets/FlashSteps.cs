using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// What a target fills into the flash algorithm. The steps see these names: <c>item</c> (the work item), <c>kv_head</c>,
/// <c>first_key</c> (of the current tile), and the
/// kernel's parameters; scores and rows are spoken of in the lane vocabulary, which they declare.
/// </summary>
internal abstract class FlashSteps
{
    /// <summary>The kernel's template, with the sections <c>tile</c> (its constants), <c>functions</c> and <c>kernel</c> (what follows the item's declaration).</summary>
    public virtual string? Template => null;

    /// <summary>What the template's holes take beside those <paramref name="around"/>, which every flash kernel has.</summary>
    public virtual Holes Fill(Holes around) => around;

    /// <summary>The tile that one work-group works on.</summary>
    public abstract TilePlan Tile { get; }

    /// <summary>Expression: the index of the work-group's item. Groups start in the order of their ids, the first dimension's one after the other.</summary>
    public virtual string ItemIndex => "get_group_id(1)";

    /// <summary>The line that declares <c>kv_head</c>, the KV head of the work-group.</summary>
    public virtual string KvHead => "const int kv_head = get_group_id(0); // the heads of the longest item start first, then those of the next";

    /// <summary>Whether the loop over the keys may go on without a tile's steps: not where tiles are fetched ahead.</summary>
    public virtual bool CanLeaveOutTiles => true;

    /// <summary>Whether there are scores of keys past the item's end, which must be hidden.</summary>
    public virtual bool ReadsPastEnd => true;

    /// <summary>Whether the steps call <c>key_row</c>, <c>value_row</c> and <c>scale_index</c>, which find a token's rows.</summary>
    public virtual bool CallsRowFunctions => true;

    /// <summary>Whether values are read by rows of their own: not where they are found in the keys of a latent cache.</summary>
    public virtual bool CallsValueRow => true;

    /// <summary>Scores that the lane vocabulary of the steps has at a time.</summary>
    public virtual int ScoreLanes => 1;

    /// <summary>Whether the steps call <c>make_row</c>.</summary>
    public virtual bool MakesRows => true;

    /// <summary>Opens what a tile's steps stand in: nothing, or a loop over the KV heads of the work-group.</summary>
    public virtual void OpenTile(CodeWriter writer)
    {
    }

    /// <summary>Closes what <see cref="OpenTile"/> has opened.</summary>
    public virtual void CloseTile(CodeWriter writer)
    {
    }

    /// <summary>Constants of the tile, after <c>ROWS</c> and <c>KEYS</c>.</summary>
    public virtual void DeclareTile(CodeWriter writer)
    {
    }

    /// <summary>Helper functions of the steps.</summary>
    public virtual void DeclareFunctions(CodeWriter writer)
    {
    }

    /// <summary>Memory of the tile, queries loaded, running maximum, sum and output at their start.</summary>
    public virtual void Begin(CodeWriter writer)
    {
    }

    /// <summary>Scores of the tile's rows against the keys from <c>first_key</c> on, in base-2 units unless the spec transforms them.</summary>
    public virtual void Scores(CodeWriter writer)
    {
    }

    /// <summary>Scores go through the spec's steps; only where there are any.</summary>
    public virtual void Transform(CodeWriter writer)
    {
    }

    /// <summary>Scores of keys that a row must not see become −∞; only for tiles on a boundary.</summary>
    public virtual void Hide(CodeWriter writer)
    {
    }

    /// <summary>Online softmax: new running maximum and sum, scores become probabilities, what was accumulated is rescaled.</summary>
    public virtual void Softmax(CodeWriter writer)
    {
    }

    /// <summary>Probabilities times values, added to the output.</summary>
    public virtual void Accumulate(CodeWriter writer)
    {
    }

    /// <summary>Divides by the sum and stores each row: as output and LSE, or as partial state.</summary>
    public virtual void Finish(CodeWriter writer)
    {
    }
}
