namespace Kernels.Decoding;

/// <summary>The non-linear functions of feed-forward blocks.</summary>
internal enum Activation
{
    /// <summary>x · sigmoid(x).</summary>
    Silu,

    /// <summary>x · Φ(x) with the normal distribution's Φ.</summary>
    Gelu,

    /// <summary>The same with Φ(x) approximated by ½·(1 + tanh(√(2/π)·(x + 0.044715·x³))).</summary>
    GeluTanh,
}
