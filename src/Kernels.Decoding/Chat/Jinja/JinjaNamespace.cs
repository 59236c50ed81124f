namespace Kernels.Decoding;

/// <summary>What <c>namespace()</c> gives: attributes that can be set from inside loops.</summary>
internal sealed class JinjaNamespace
{
    public Dictionary<string, object?> Attributes { get; } = [];
}
