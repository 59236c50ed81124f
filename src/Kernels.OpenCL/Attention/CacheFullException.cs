namespace Kernels.OpenCL;

/// <summary>A cache has no room for more tokens of a sequence.</summary>
/// <param name="sequence">The sequence.</param>
/// <param name="length">Tokens that it has.</param>
/// <param name="tokens">Tokens that were to be added.</param>
/// <param name="room">What room there is, in words.</param>
public sealed class CacheFullException(int sequence, int length, int tokens, string room)
    : InvalidOperationException($"Sequence {sequence} has {length} tokens and was to get {tokens} more; {room}.")
{
    /// <summary>The sequence.</summary>
    public int Sequence { get; } = sequence;

    /// <summary>Tokens that it has.</summary>
    public int Length { get; } = length;

    /// <summary>Tokens that were to be added.</summary>
    public int Tokens { get; } = tokens;
}
