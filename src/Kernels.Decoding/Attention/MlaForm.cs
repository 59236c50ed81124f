namespace Kernels.Decoding;

/// <summary>How latent attention (MLA) runs.</summary>
internal enum MlaForm
{
    /// <summary>A cache of latents; each request of a step runs in the form that is cheaper for as many new tokens as it has.</summary>
    Auto,

    /// <summary>A cache of latents, over which queries run that have absorbed what makes keys of latents.</summary>
    Absorbed,

    /// <summary>A cache of the keys and values of each head, over which queries run as in other models.</summary>
    Expanded,
}
