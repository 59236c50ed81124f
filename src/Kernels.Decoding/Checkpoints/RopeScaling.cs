namespace Kernels.Decoding;

/// <summary>How rotary position embedding stretches its frequencies beyond the positions that a model was first trained on.</summary>
internal enum RopeScaling
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>All frequencies divided by one factor.</summary>
    Linear,

    /// <summary>Low frequencies divided by the factor, high ones kept, those between blended by wavelength (Llama 3).</summary>
    Llama3,

    /// <summary>The same, blended by dimension, with a factor on the rotated values (YaRN).</summary>
    Yarn,

    /// <summary>
    /// Not at all up to the original positions, from there on by the length of the text, which is not done here: texts are no longer
    /// (dynamic NTK).
    /// </summary>
    Dynamic,

    /// <summary>
    /// Each frequency divided by a factor of its own: texts up to the original positions have one list of them, longer ones another, and
    /// rotated values a factor (LongRoPE, Phi-3).
    /// </summary>
    LongRope,
}
