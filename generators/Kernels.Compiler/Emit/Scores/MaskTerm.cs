using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>One reason for which a key can be hidden from a query; a key is visible when every term says so.</summary>
/// <param name="DisplayName">What the term is called in comments.</param>
/// <param name="Visible">In the lane vocabulary: true where the query of <c>row</c> sees <c>key</c>.</param>
/// <param name="HidesNothing">
/// A condition under which the term hides nothing in a whole tile, on <c>first_position</c>, <c>last_position</c> (of the rows' queries),
/// <c>first_key</c> and <c>last_key</c>; null when it can't be told.
/// </param>
internal sealed record MaskTerm(string DisplayName, string Visible, string? HidesNothing)
{
    /// <summary>Whether <see cref="HidesNothing"/> asks about <c>first_position</c>.</summary>
    public bool AsksFirstPosition { get; init; }

    /// <summary>Whether <see cref="HidesNothing"/> asks about <c>last_position</c>.</summary>
    public bool AsksLastPosition { get; init; }

    /// <summary>What <see cref="Visible"/>, or the expression of <see cref="RowValue"/>, asks of the row.</summary>
    public RowMembers Asks { get; init; }

    /// <summary>The kernel's inputs that <see cref="Visible"/> names.</summary>
    public IReadOnlyList<KernelInput> Inputs { get; init; } = [];

    /// <summary>A value that depends on the row only, or null.</summary>
    public RowValue? RowValue { get; init; }

    /// <summary>The terms of a spec, in the order in which they are tested.</summary>
    public static IReadOnlyList<MaskTerm> Of(AttentionSpec spec)
    {
        AttentionShape shape = spec.Shape;
        return [.. AttentionOption.Of(shape).Select(option => option.Term(shape)).OfType<MaskTerm>(), .. OfMod(spec.MaskMod)];
    }

    private static MaskTerm[] OfMod(ModFunction? mod)
    {
        KernelInput[] inputs = mod is null ? [] : [.. mod.Inputs.Select(KernelInput.Of)];
        string call = $"mask_mod(row.batch, row.head, max(row.query, (lanes_int)(0)), key{KernelInput.Arguments(inputs)})";
        return mod is null ? [] :
        [
            new MaskTerm("mask mod", call, HidesNothing: null) { Asks = RowMembers.Head | RowMembers.Batch, Inputs = inputs },
        ];
    }
}
