using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Whether keys can be hidden one by one.</summary>
    public bool KeyPadding { get; init; }
}

/// <content>A term that reads a byte for each key.</content>
internal sealed partial class KeyPaddingOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is bool on ? spec with { KeyPadding = on } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { KeyPadding = spec.KeyPadding };

    public override string Describe(AttentionShape shape) => "a mask on keys";

    public override (string Type, string Summary)? HostInput(AttentionShape shape) =>
        ("KeyMask", "A byte for each key of each request, [requests, keys], 0 where the key is hidden.");

    public override MaskTerm? Term(AttentionShape shape) =>
        new(Describe(shape), "lanes_gather_byte(key_mask, key) != 0", HidesNothing: null) { Inputs = [Mask] };
}
