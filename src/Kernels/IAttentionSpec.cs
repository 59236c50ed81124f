namespace Kernels;

/// <summary>
/// The contract that every type with an <see cref="AttentionKernelAttribute"/> implements; the generator writes its members.
/// </summary>
/// <typeparam name="TSelf">The spec's type.</typeparam>
public interface IAttentionSpec<TSelf> where TSelf : IAttentionSpec<TSelf>
{
    /// <summary>What is known of the spec at compile time.</summary>
    static abstract AttentionDescriptor Descriptor { get; }
}
