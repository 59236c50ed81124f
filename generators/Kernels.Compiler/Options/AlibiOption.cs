using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Whether scores have ALiBi's penalty.</summary>
    public bool Alibi { get; init; }
}

/// <content>A step with a slope that each row calculates once.</content>
internal sealed partial class AlibiOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is bool on ? spec with { Alibi = on } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { Alibi = spec.Alibi };

    public override string Describe(AttentionShape shape) => "ALiBi";

    public override ScoreStep? Step(AttentionShape shape) => new(Describe(shape), "Scores/alibi")
    {
        Asks = RowMembers.Head,
        RowValue = new("lanes_float", "slope", Slope(shape.QueryHeads), []),
    };

    private static string Slope(int heads)
    {
        int power = 1;
        while (power * 2 <= heads)
        {
            power *= 2;
        }

        // The first 2^n heads have a geometric sequence; the rest fill in between, from twice as fine a sequence.
        string first = $"{C.Float(-8.0 / power)} * convert_lanes_float(row.head + 1)";
        string rest = $"{C.Float(-4.0 / power)} * convert_lanes_float(2 * (row.head - {power}) + 1)";
        return power == heads ? $"exp2({first})" : $"exp2(lanes_select({rest}, {first}, row.head < {power}))";
    }
}
