namespace Kernels.Decoding;

/// <summary>What a name or key without a value gives: an empty text, nothing to go through, and an error in anything else.</summary>
/// <param name="message">Why there is no value.</param>
internal sealed class JinjaUndefined(string message)
{
    public string Message { get; } = message;
}
