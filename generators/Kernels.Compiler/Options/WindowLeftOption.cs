using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Keys to the left of its own position that a query sees; −1: all.</summary>
    public int WindowLeft { get; init; } = -1;
}

/// <content>A term that compares positions.</content>
internal sealed partial class WindowLeftOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is int keys ? spec with { WindowLeft = keys } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) =>
        shape with { WindowLeft = spec.WindowLeft >= 0 ? spec.WindowLeft : null };

    public override void Validate(AttentionSpec spec, SpecReport report) => report.IsWindow(spec.WindowLeft, Name);

    public override string Describe(AttentionShape shape) => $"window of {shape.WindowLeft} keys to the left";

    public override string Initializer(AttentionShape shape) => $"WindowLeft = {shape.WindowLeft}";

    public override MaskTerm? Term(AttentionShape shape) =>
        new(Describe(shape), $"key >= row.query - {shape.WindowLeft}", $"first_key >= last_position - {shape.WindowLeft}")
        {
            AsksLastPosition = true,
        };
}
