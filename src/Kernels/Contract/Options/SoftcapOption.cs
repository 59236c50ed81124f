namespace Kernels;

/// <summary>c·tanh(score / c), which keeps scores between −c and c.</summary>
internal sealed partial class SoftcapOption : AttentionOption
{
    public override string Name => nameof(AttentionShape.Softcap);

    public override bool IsIn(AttentionShape shape) => shape.Softcap is not null;

    public override bool SharesPrefixes(AttentionShape shape) => true;
}
