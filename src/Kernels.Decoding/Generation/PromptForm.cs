namespace Kernels.Decoding;

/// <summary>In which steps a prompt was run.</summary>
internal enum PromptForm
{
    /// <summary>All its tokens in one step.</summary>
    Prefill,

    /// <summary>Its first half in one step, then token by token.</summary>
    PrefillThenDecode,

    /// <summary>Token by token from the first.</summary>
    Decode,
}
