namespace Kernels;

/// <summary>How many keys to the right of its own position a query sees.</summary>
internal sealed partial class WindowRightOption : AttentionOption
{
    public override string Name => nameof(AttentionShape.WindowRight);

    public override bool IsIn(AttentionShape shape) => shape.WindowRight is not null;

    public override (long Begin, long End) Reach(AttentionShape shape, int first, int last, int prefix) =>
        (0, shape.WindowRight is { } right ? (long)last + right + 1 : long.MaxValue);
}
