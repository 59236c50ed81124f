namespace Decoders;

/// <summary>What a step does.</summary>
internal enum RooflinePhase
{
    /// <summary>A new token for each sequence.</summary>
    Decode,

    /// <summary>A prompt for each sequence.</summary>
    Prefill,
}
