namespace Kernels;

/// <summary>A penalty on scores that grows with the distance of query and key, at a slope of each head's own.</summary>
internal sealed partial class AlibiOption : AttentionOption
{
    public override string Name => nameof(AttentionShape.Alibi);

    public override bool IsIn(AttentionShape shape) => shape.Alibi;
}
