namespace Kernels.OpenCL;

/// <summary>
/// What several launches gave for the same queries over different keys, such as a shared prefix and each sequence's own keys.
/// </summary>
/// <typeparam name="TElement">The host type of outputs.</typeparam>
/// <param name="Outputs">[count, tokens, H_q, d_v]</param>
/// <param name="Lse">[count, tokens, H_q], natural logs.</param>
/// <param name="Count">Launches, 1 or more.</param>
/// <param name="Tokens">Query tokens of each, 0 or more.</param>
public readonly record struct AttentionStates<TElement>(DeviceBuffer<TElement> Outputs, DeviceBuffer<float> Lse, int Count, int Tokens)
    where TElement : unmanaged;
