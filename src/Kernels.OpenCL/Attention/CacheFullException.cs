namespace Kernels.OpenCL;

/// <summary>A cache has no room for more tokens of a sequence, or for more sequences.</summary>
public sealed class CacheFullException : InvalidOperationException
{
    /// <param name="sequence">The sequence.</param>
    /// <param name="length">Tokens that it has.</param>
    /// <param name="tokens">Tokens that were to be added.</param>
    /// <param name="room">What room there is, in words.</param>
    internal CacheFullException(SequenceHandle sequence, int length, int tokens, string room)
        : base($"Sequence {sequence} has {length} tokens and was to get {tokens} more; {room}.")
    {
        Sequence = sequence;
        Length = length;
        Tokens = tokens;
    }

    /// <param name="message">Why there is no room for another sequence.</param>
    internal CacheFullException(string message)
        : base(message)
    {
    }

    /// <summary>The sequence; null where there was no room for another.</summary>
    public SequenceHandle? Sequence { get; }

    /// <summary>Tokens that it has.</summary>
    public int Length { get; }

    /// <summary>Tokens that were to be added.</summary>
    public int Tokens { get; }
}
