namespace Kernels;

/// <summary>Which keys a query may see, as far as positions tell. Every shape has a mask, which may be none.</summary>
internal sealed partial class MaskOption : AttentionOption
{
    public override string Name => nameof(AttentionShape.Mask);

    public override bool IsIn(AttentionShape shape) => true;

    public override bool SharesPrefixes(AttentionShape shape) => shape.Mask is AttentionMask.None or AttentionMask.Causal;

    public override (long Begin, long End) Reach(AttentionShape shape, int first, int last, int prefix) => shape.Mask switch
    {
        AttentionMask.Causal => (0, last + 1L),
        AttentionMask.PrefixCausal => (0, Math.Max(last + 1L, prefix)),
        _ => AllKeys,
    };
}
