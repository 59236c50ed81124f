namespace Kernels;

/// <summary>Rotary position embedding by the kernels: append turns keys, attention turns queries.</summary>
internal sealed partial class RopeOption : AttentionOption
{
    private static readonly KernelInput Angles = new("global const float2*", "rope", "[positions, ROTARY_DIM / 2]: cosine and sine");

    public override string Name => nameof(AttentionShape.Rope);

    public override bool IsIn(AttentionShape shape) => shape.Rope != RopeStyle.None;

    public override IReadOnlyList<KernelInput> Inputs { get; } = [Angles];

    public override bool IsGivenTo(KernelAlgorithm algorithm) => algorithm == KernelAlgorithm.Append || base.IsGivenTo(algorithm);

    public override bool NeedsPositions => true;
}
