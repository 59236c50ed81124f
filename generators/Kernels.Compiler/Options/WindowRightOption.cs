using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Keys to the right of its own position that a query sees; −1: all.</summary>
    public int WindowRight { get; init; } = -1;
}

/// <content>A term that compares positions; behind a causal mask it hides nothing more.</content>
internal sealed partial class WindowRightOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is int keys ? spec with { WindowRight = keys } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) =>
        shape with { WindowRight = spec.WindowRight >= 0 ? spec.WindowRight : null };

    public override void Validate(AttentionSpec spec, SpecReport report)
    {
        if (report.IsWindow(spec.WindowRight, Name) && spec.WindowRight >= 0 && spec.Mask == AttentionMask.Causal)
        {
            report.Add(SpecRules.WindowIsHidden, Name, [SpecFix.LeaveOut(Name)],
                nameof(AttentionMask.Causal), SpecReport.Text(spec.WindowRight));
        }
    }

    public override string Describe(AttentionShape shape) => $"window of {shape.WindowRight} keys to the right";

    public override string Initializer(AttentionShape shape) => $"WindowRight = {shape.WindowRight}";

    public override MaskTerm? Term(AttentionShape shape) => shape.Mask == AttentionMask.Causal ? null
        : new(Describe(shape), $"key <= row.query + {shape.WindowRight}", $"last_key <= first_position + {shape.WindowRight}")
        {
            AsksFirstPosition = true,
        };
}
