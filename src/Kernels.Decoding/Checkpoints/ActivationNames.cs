namespace Kernels.Decoding;

/// <summary>The names that configurations have for activations.</summary>
internal static class ActivationNames
{
    /// <summary>Reads an activation.</summary>
    /// <param name="config">The model's configuration.</param>
    /// <param name="key">The key.</param>
    /// <param name="otherwise">What a missing key means.</param>
    /// <exception cref="CheckpointException">There is no code for the activation.</exception>
    public static Activation Read(ConfigReader config, string key, Activation otherwise) => config.OptionalText(key) switch
    {
        null => otherwise,
        "silu" or "swish" => Activation.Silu,
        "gelu" => Activation.Gelu,
        "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => Activation.GeluTanh,
        _ => throw config.Unsupported(key, "silu, swish, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh"),
    };
}
