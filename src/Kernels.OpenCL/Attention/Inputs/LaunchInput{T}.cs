using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>An option's part in a launch, of a type of its own.</summary>
/// <typeparam name="T">The type of what a launch is given.</typeparam>
/// <param name="option">The option.</param>
/// <param name="what">What it is given, for a message.</param>
internal abstract class LaunchInput<T>(AttentionOption option, string what) : LaunchInput(option)
    where T : class
{
    public sealed override bool IsGiven(in AttentionInputs inputs) => Of(inputs) is not null;

    public sealed override void Check(in AttentionInputs inputs, AttentionDescriptor descriptor, WorkPlan work) => Check(
        Of(inputs) ?? throw new InvalidOperationException($"{descriptor.Name} has {Option.Name}: give the launch {Option.Name}, {what}."),
        descriptor.Shape,
        work);

    public sealed override ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, in AttentionInputs inputs) =>
        Set(kernel, index, argument, Of(inputs)!);

    protected abstract T? Of(in AttentionInputs inputs);

    protected abstract void Check(T input, AttentionShape shape, WorkPlan work);

    protected abstract ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, T input);
}
