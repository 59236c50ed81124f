namespace Kernels;

/// <summary>A mask on keys, a byte for each key of each request.</summary>
internal sealed partial class KeyPaddingOption : AttentionOption
{
    public static readonly KernelInput Mask = new("global const uchar*", "key_mask", "[requests, keys]: 0 hides a key",
        "key_mask += work.batch * key_mask_stride;");

    public static readonly KernelInput Stride = new("long", "key_mask_stride", "from request to request; 0 if all share one mask");

    public override string Name => nameof(AttentionShape.KeyPadding);

    public override bool IsIn(AttentionShape shape) => shape.KeyPadding;

    public override IReadOnlyList<KernelInput> Inputs { get; } = [Mask, Stride];
}
