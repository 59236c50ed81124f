namespace Kernels;

/// <summary>Documents of a sequence that do not see each other.</summary>
internal sealed partial class DocumentsOption : AttentionOption
{
    // An item without keys may stand past the end of the buffer, which has one element at least.
    private static readonly KernelInput OfKeys = new("global const int*", "documents", "[keys of all requests]: the document of each key",
        "documents += work.kv_end > 0 ? work.key_begin : 0;");

    public override string Name => nameof(AttentionShape.Documents);

    public override bool IsIn(AttentionShape shape) => shape.Documents;

    public override IReadOnlyList<KernelInput> Inputs { get; } = [OfKeys];

    public override bool NumbersKeys => true;
}
