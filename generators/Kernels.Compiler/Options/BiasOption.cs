using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Whether a number of its own is added to each score.</summary>
    public bool Bias { get; init; }
}

/// <content>A step that reads a number for each score; −∞ hides the key, even one that holds NaN.</content>
internal sealed partial class BiasOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is bool on ? spec with { Bias = on } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { Bias = spec.Bias };

    public override string Describe(AttentionShape shape) => "bias";

    public override (string Type, string Summary)? HostInput(AttentionShape shape) => ("AttentionBias",
        $"What is added to each score, [requests or 1, {shape.QueryHeads} or 1, queries or 1, keys]. "
        + "Row: the query's index in its request; column: the key's position.");

    public override ScoreStep? Step(AttentionShape shape) => new(Describe(shape), "Scores/bias")
    {
        Asks = RowMembers.Head,
        Inputs = [Values],
        RowValue = new(
            "lanes_long", "bias_at", "convert_lanes_long(row.head) * bias_head_stride + convert_lanes_long(r / GROUP) * bias_query_stride",
            [HeadStride, QueryStride]),
    };
}
