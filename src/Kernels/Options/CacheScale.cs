namespace Kernels;

/// <summary>What the scales of a cache belong to; a scale is the float32 that a stored number is multiplied with.</summary>
public enum CacheScale
{
    /// <summary>Numbers are stored as they are.</summary>
    None = 0,

    /// <summary>Each token has a scale for its key and one for its value in each KV head; the append kernel finds them.</summary>
    PerToken = 1,

    /// <summary>Each KV head has a scale for its keys and one for its values, 1 until the host sets them.</summary>
    PerHead = 2,

    /// <summary>
    /// In a latent cache each token has a scale for every <see cref="LatentFloat8Row.GroupSize"/> elements of its value; the append
    /// kernel finds them. They lie in the token's row.
    /// </summary>
    PerGroup = 3,
}
