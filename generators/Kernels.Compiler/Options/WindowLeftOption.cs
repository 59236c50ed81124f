using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

/// <content>A term that compares positions.</content>
internal sealed partial class WindowLeftOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is int keys ? spec with { WindowLeft = keys } : null;

    public override void Validate(AttentionSpec spec, SpecReport report) => report.IsWindow(spec.WindowLeft, Name);

    public override string Describe(AttentionShape shape) => $"window of {shape.WindowLeft} keys to the left";

    public override string Initializer(AttentionShape shape) => $"WindowLeft = {shape.WindowLeft}";

    public override MaskTerm? Term(AttentionShape shape) =>
        new(Describe(shape), $"key >= row.query - {shape.WindowLeft}", $"first_key >= last_position - {shape.WindowLeft}")
        {
            AsksLastPosition = true,
        };
}
