using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Whether a query sees the keys of its own document only.</summary>
    public bool Documents { get; init; }
}

/// <content>A term: a query has the document of the key at its own position; one below position 0 has none.</content>
internal sealed partial class DocumentsOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is bool on ? spec with { Documents = on } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { Documents = spec.Documents };

    public override string Describe(AttentionShape shape) => "documents apart";

    public override (string Type, string Summary)? HostInput(AttentionShape shape) => ("DeviceBuffer<int>",
        "The document of each key, [keys of all requests of the step], packed request after request. "
        + "A query sees the keys of its own document.");

    public override MaskTerm? Term(AttentionShape shape) =>
        new(Describe(shape), "row.query >= 0 && row.document == lanes_gather_int(documents, key)", HidesNothing: null)
        {
            Inputs = [OfKeys],
            RowValue = new("lanes_int", "document", "lanes_gather_int(documents, max(row.query, (lanes_int)(0)))", [OfKeys]),
        };
}
