namespace Kernels;

/// <summary>How many keys to the left of its own position a query sees.</summary>
internal sealed partial class WindowLeftOption : AttentionOption
{
    public override string Name => nameof(AttentionShape.WindowLeft);

    public override bool IsIn(AttentionShape shape) => shape.WindowLeft is not null;

    public override (long Begin, long End) Reach(AttentionShape shape, int first, int last, int prefix) =>
        (shape.WindowLeft is { } left ? (long)first - left : 0, long.MaxValue);
}
