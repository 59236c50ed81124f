namespace Kernels;

/// <summary>A number for each score that is added to it.</summary>
internal sealed partial class BiasOption : AttentionOption
{
    public static readonly KernelInput Values = new(
        "global const float*", "bias", "[requests, QUERY_HEADS, queries, keys]: added to scores",
        "bias += work.batch * bias_request_stride;");

    public static readonly KernelInput RequestStride = new("long", "bias_request_stride", "0 along axes that share one bias");

    public static readonly KernelInput HeadStride = new("long", "bias_head_stride", "");

    public static readonly KernelInput QueryStride = new("long", "bias_query_stride", "");

    public override string Name => nameof(AttentionShape.Bias);

    public override bool IsIn(AttentionShape shape) => shape.Bias;

    public override IReadOnlyList<KernelInput> Inputs { get; } = [Values, RequestStride, HeadStride, QueryStride];
}
