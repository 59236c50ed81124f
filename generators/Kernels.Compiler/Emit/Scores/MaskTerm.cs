using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>One reason for which a key can be hidden from a query; a key is visible when every term says so.</summary>
internal abstract class MaskTerm
{
    /// <summary>What the term is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>In the lane vocabulary: true where the query of <c>row</c> sees <c>key</c>.</summary>
    public abstract string Visible { get; }

    /// <summary>
    /// A condition under which the term hides nothing in a whole tile, on <c>first_position</c>, <c>last_position</c> (of
    /// the rows' queries), <c>first_key</c> and <c>last_key</c>; null when it can't be told.
    /// </summary>
    public abstract string? HidesNothing { get; }

    /// <summary>Whether <see cref="HidesNothing"/> asks about <c>first_position</c>.</summary>
    public virtual bool AsksFirstPosition => false;

    /// <summary>Whether <see cref="HidesNothing"/> asks about <c>last_position</c>.</summary>
    public virtual bool AsksLastPosition => false;

    /// <summary>What <see cref="Visible"/>, or the expression of <see cref="RowValue"/>, asks of the row.</summary>
    public virtual RowMembers Asks => RowMembers.None;

    /// <summary>The kernel's inputs that <see cref="Visible"/> names.</summary>
    public virtual IEnumerable<KernelInput> Inputs => [];

    /// <summary>A value that depends on the row only, or null.</summary>
    public virtual RowValue? RowValue => null;

    /// <summary>The terms of a spec, in the order in which they are tested.</summary>
    public static IReadOnlyList<MaskTerm> Of(AttentionSpec spec)
    {
        var terms = new List<MaskTerm>();
        switch (spec.Mask)
        {
            case AttentionMask.Causal:
                terms.Add(new CausalTerm());
                break;
            case AttentionMask.PrefixCausal:
                terms.Add(new PrefixCausalTerm());
                break;
        }

        if (spec.WindowLeft >= 0)
        {
            terms.Add(new WindowLeftTerm(spec.WindowLeft));
        }

        // A causal mask hides everything to the right already.
        if (spec.WindowRight >= 0 && spec.Mask != AttentionMask.Causal)
        {
            terms.Add(new WindowRightTerm(spec.WindowRight));
        }

        if (spec.Documents)
        {
            terms.Add(new DocumentsTerm());
        }

        if (spec.KeyPadding)
        {
            terms.Add(new KeyPaddingTerm());
        }

        if (spec.MaskMod is not null)
        {
            terms.Add(new MaskModTerm(spec.MaskMod));
        }

        return terms;
    }
}

internal sealed class CausalTerm : MaskTerm
{
    public override string DisplayName => "causal";

    public override string Visible => "key <= row.query";

    public override string? HidesNothing => "last_key <= first_position";

    public override bool AsksFirstPosition => true;
}

internal sealed class PrefixCausalTerm : MaskTerm
{
    public override string DisplayName => "causal after a prefix";

    public override string Visible => "(key <= row.query || key < row.prefix)";

    public override string? HidesNothing => "(last_key <= first_position || last_key < item.prefix)";

    public override bool AsksFirstPosition => true;

    public override RowMembers Asks => RowMembers.Prefix;
}

internal sealed class WindowLeftTerm(int left) : MaskTerm
{
    public override string DisplayName => $"window of {left} keys to the left";

    public override string Visible => $"key >= row.query - {left}";

    public override string? HidesNothing => $"first_key >= last_position - {left}";

    public override bool AsksLastPosition => true;
}

internal sealed class WindowRightTerm(int right) : MaskTerm
{
    public override string DisplayName => $"window of {right} keys to the right";

    public override string Visible => $"key <= row.query + {right}";

    public override string? HidesNothing => $"last_key <= first_position + {right}";

    public override bool AsksFirstPosition => true;
}

/// <summary>A query has the document of the key at its own position; one below position 0 has none.</summary>
internal sealed class DocumentsTerm : MaskTerm
{
    public override string DisplayName => "documents apart";

    public override string Visible => "row.query >= 0 && row.document == lanes_gather_int(documents, key)";

    public override string? HidesNothing => null;

    public override IEnumerable<KernelInput> Inputs => [KernelInput.Documents];

    public override RowValue? RowValue =>
        new("lanes_int", "document", "lanes_gather_int(documents, max(row.query, (lanes_int)(0)))", [KernelInput.Documents]);
}

internal sealed class KeyPaddingTerm : MaskTerm
{
    public override string DisplayName => "a mask on keys";

    public override string Visible => "lanes_gather_byte(key_mask, key) != 0";

    public override string? HidesNothing => null;

    public override IEnumerable<KernelInput> Inputs => [KernelInput.KeyMask];
}

internal sealed class MaskModTerm(ModFunction mod) : MaskTerm
{
    public override string DisplayName => "mask mod";

    public override string Visible =>
        $"mask_mod(row.batch, row.head, max(row.query, (lanes_int)(0)), key{KernelInput.Arguments(Inputs)})";

    public override string? HidesNothing => null;

    public override RowMembers Asks => RowMembers.Head | RowMembers.Batch;

    public override IEnumerable<KernelInput> Inputs => mod.Inputs.Select(KernelInput.Of);
}
