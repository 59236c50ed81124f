using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

/// <content>Masks are terms that compare positions.</content>
internal sealed partial class MaskOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is int mask ? spec with { Mask = (AttentionMask)mask } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { Mask = spec.Mask };

    public override void Validate(AttentionSpec spec, SpecReport report) => report.IsDefined(spec.Mask, Name);

    public override AttentionSpec Mend(AttentionSpec spec) =>
        Enum.IsDefined(typeof(AttentionMask), spec.Mask) ? spec : spec with { Mask = AttentionMask.None };

    public override string Describe(AttentionShape shape) => Term(shape)?.DisplayName ?? "no mask";

    public override string Initializer(AttentionShape shape) => "";

    public override MaskTerm? Term(AttentionShape shape) => shape.Mask switch
    {
        AttentionMask.None => null,
        AttentionMask.Causal => new("causal", "key <= row.query", "last_key <= first_position") { AsksFirstPosition = true },
        AttentionMask.PrefixCausal => new(
            "causal after a prefix", "(key <= row.query || key < row.prefix)", "(last_key <= first_position || last_key < work.prefix)")
        {
            AsksFirstPosition = true,
            Asks = RowMembers.Prefix,
        },
        _ => throw new ArgumentOutOfRangeException(nameof(shape), shape.Mask, "No such mask."),
    };
}
