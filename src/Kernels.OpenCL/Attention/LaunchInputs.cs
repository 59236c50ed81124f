using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>
/// What a launch of a spec's kernels is given beside queries and cache. It is checked before anything is launched.
/// </summary>
/// <param name="descriptor">The spec.</param>
/// <param name="given">What it is given.</param>
internal readonly struct LaunchInputs(AttentionDescriptor descriptor, AttentionInputs given)
{
    // Of a merge of states, which has none.
    private static readonly WorkPlan NoStep = new();

    private readonly AttentionShape shape = descriptor.Shape;

    /// <summary>The inputs of the spec's mods, or null.</summary>
    public IModInputs? Mods => given.Mods;

    /// <summary>Whether all is there that a kernel of the spec takes, large enough for a step, and nothing that the spec has not.</summary>
    /// <param name="algorithm">The kernel; what prefill takes all flash kernels do.</param>
    /// <param name="work">The step; null for a merge of states.</param>
    /// <exception cref="InvalidOperationException">An input has not been given.</exception>
    /// <exception cref="ArgumentException">An input is too small for the step, or the spec has no such input.</exception>
    public void Check(KernelAlgorithm algorithm, WorkPlan? work)
    {
        CheckKnown();
        foreach (LaunchInput input in AttentionInputs.OfOptions)
        {
            if (input.Option.IsIn(shape) && input.Option.IsGivenTo(algorithm))
            {
                input.Check(given, descriptor, work ?? NoStep);
            }
        }

        if (descriptor.HasModInputs && given.Mods is null && KernelArguments.LooksAtScores(algorithm))
        {
            throw new InvalidOperationException($"{descriptor.Name} has mods with inputs: give the launch Inputs that have them.");
        }
    }

    /// <summary>Whether nothing was given that the spec has not.</summary>
    /// <exception cref="ArgumentException">It has no such input.</exception>
    public void CheckKnown()
    {
        foreach (LaunchInput input in AttentionInputs.OfOptions)
        {
            Refuse(input.IsGiven(given), input.Option.IsIn(shape), input.Option.Name);
        }

        Refuse(given.Mods is not null, descriptor.HasModInputs, nameof(given.Mods));
        Refuse(given.BlockMask is not null, descriptor.BlockMaskHeads > 0, nameof(BlockMask));
    }

    /// <summary>Sets the inputs of options and mods as a kernel's arguments.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="index">Index of the first of them.</param>
    /// <param name="arguments">What the kernel takes.</param>
    public void Bind(ComputeKernel kernel, int index, KernelArguments arguments)
    {
        for (int i = 0; i < arguments.Options.Count; i++)
        {
            AttentionOption option = arguments.Options[i];
            LaunchInput input = LaunchInput.Of(option);
            for (int j = 0; j < option.Inputs.Count; j++)
            {
                input.Set(kernel, index++, option.Inputs[j], given);
            }
        }

        if (arguments.HasMods)
        {
            given.Mods?.Bind(kernel, index);
        }
    }

    private void Refuse(bool isGiven, bool has, string name)
    {
        if (isGiven && !has)
        {
            throw new ArgumentException($"{descriptor.Name} has no {name}; the launch was given some.", name);
        }
    }
}
