using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>An option's part in a launch: what the launch is given for it, whether that will do, and how kernels get it.</summary>
/// <param name="option">The option; the input is the property of its name.</param>
internal abstract class LaunchInput(AttentionOption option)
{
    /// <summary>The option.</summary>
    public AttentionOption Option { get; } = option;

    /// <summary>Whether a launch is given it.</summary>
    public abstract bool IsGiven(in AttentionInputs inputs);

    /// <summary>Whether it is there, and large enough for a step.</summary>
    /// <param name="inputs">What the launch is given.</param>
    /// <param name="descriptor">The spec, which has the option.</param>
    /// <param name="work">The step; an empty one for a merge of states.</param>
    /// <exception cref="InvalidOperationException">It has not been given.</exception>
    /// <exception cref="ArgumentException">It is too small.</exception>
    public abstract void Check(in AttentionInputs inputs, AttentionDescriptor descriptor, WorkPlan work);

    /// <summary>Sets one of its kernel inputs as a kernel's argument.</summary>
    public abstract ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, in AttentionInputs inputs);

    /// <summary>Inputs that have it in zeros, for one request of so many keys: so tiles are timed.</summary>
    public abstract AttentionInputs AddZeros(in AttentionInputs inputs, AttentionShape shape, int keys, ZeroBuffers zeros);

    /// <summary>What an option is given at launch.</summary>
    /// <exception cref="InvalidOperationException">No launch gives the option anything.</exception>
    public static LaunchInput Of(AttentionOption option)
    {
        foreach (LaunchInput input in AttentionInputs.OfOptions)
        {
            if (input.Option.Name == option.Name)
            {
                return input;
            }
        }

        throw new InvalidOperationException($"No launch gives {option.Name}.");
    }

    protected static void Expect(string name, long length, long expected, string meaning)
    {
        if (length < expected)
        {
            throw new ArgumentException($"Expected at least {expected} elements ({meaning}), got a buffer of {length}.", name);
        }
    }

    protected static void ExpectAxis(string name, string axis, int length, int expected, bool orOne = false)
    {
        if (length < expected && !(orOne && length == 1))
        {
            throw new ArgumentException($"Expected at least {expected} {axis}{(orOne ? ", or 1 for all" : "")}, got {length}.", name);
        }
    }
}
