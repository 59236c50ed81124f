namespace Kernels;

/// <summary>A learned logit of each head that takes part in the softmax denominator only, where outputs are written.</summary>
internal sealed partial class SinksOption : AttentionOption
{
    private static readonly KernelInput Logits = new("global const float*", "sinks", "[QUERY_HEADS]: a logit in the softmax denominator");

    public override string Name => nameof(AttentionShape.Sinks);

    public override bool IsIn(AttentionShape shape) => shape.Sinks;

    public override IReadOnlyList<KernelInput> Inputs { get; } = [Logits];

    public override bool IsGivenTo(KernelAlgorithm algorithm) => algorithm != KernelAlgorithm.Append;

    public override bool SharesPrefixes(AttentionShape shape) => true;
}
