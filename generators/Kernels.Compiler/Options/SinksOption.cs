using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Whether each head has a learned logit in its softmax denominator.</summary>
    public bool Sinks { get; init; }
}

/// <content>No step: the templates that end a row speak of it.</content>
internal sealed partial class SinksOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is bool on ? spec with { Sinks = on } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { Sinks = spec.Sinks };

    public override string Describe(AttentionShape shape) => "sinks";

    public override (string Type, string Summary)? HostInput(AttentionShape shape) =>
        ("DeviceBuffer<float>", $"The learned logit of each query head, [{shape.QueryHeads}]. Layers differ in theirs.");
}
