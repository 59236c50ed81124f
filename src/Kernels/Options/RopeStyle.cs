namespace Kernels;

/// <summary>Which elements of a head rotary position embedding turns together.</summary>
public enum RopeStyle
{
    /// <summary>None: queries and keys are taken as they are.</summary>
    None = 0,

    /// <summary>Element i with element i + half of the rotary dimension, as in GPT-NeoX and Llama's published checkpoints.</summary>
    HalfSplit = 1,

    /// <summary>Element 2i with element 2i + 1, as in GPT-J and DeepSeek.</summary>
    Interleaved = 2,
}
