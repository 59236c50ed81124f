namespace Kernels.OpenCL;

/// <summary>Why a tile was chosen.</summary>
public enum TileChoiceReason
{
    /// <summary>There is no other, or the spec names its tile.</summary>
    OnlyOne,

    /// <summary>The planner's choice: tuning is off.</summary>
    Planned,

    /// <summary>The planner's choice so far: the tiles are measured when a step first has a prompt of 256 tokens or more.</summary>
    NotYetMeasured,

    /// <summary>It was the fastest of those measured in this process.</summary>
    Measured,

    /// <summary>It was the fastest when it was measured by an earlier process.</summary>
    Stored,

    /// <summary>
    /// The planner's choice: the spec is <see cref="AttentionKernelAttribute.Deterministic"/>, and another tile may round differently.
    /// </summary>
    Deterministic,

    /// <summary>The planner's choice: the spec's mods have inputs, which only its user has.</summary>
    NeedsInputs,

    /// <summary>The planner's choice: the device refused the measurement, for want of memory for example.</summary>
    NotMeasurable,

    /// <summary>The caller asked for it.</summary>
    Asked,
}
