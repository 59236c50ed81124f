namespace Kernels.OpenCL;

/// <summary>
/// What a launch of a spec's kernels is given beside queries and cache. It is checked before anything is launched.
/// </summary>
/// <param name="descriptor">The spec.</param>
/// <param name="given">What it is given.</param>
internal readonly struct LaunchInputs(AttentionDescriptor descriptor, AttentionInputs given)
{
    private readonly AttentionShape shape = descriptor.Shape;

    public DeviceBuffer<float>? Sinks => given.Sinks;

    public DeviceBuffer<int>? Documents => given.Documents;

    public KeyMask? KeyPadding => given.KeyPadding;

    public AttentionBias? Bias => given.Bias;

    public DeviceRopeTable? Rope => given.Rope;

    public IModInputs? Mods => given.Mods;

    /// <summary>Whether all is there that the spec needs, large enough for a step, and nothing else.</summary>
    /// <exception cref="InvalidOperationException">An input has not been given.</exception>
    /// <exception cref="ArgumentException">An input is too small for the step, or the spec has no such input.</exception>
    public void Check(WorkPlan work)
    {
        CheckSinks();
        if (shape.Documents)
        {
            DeviceBuffer<int> documents = Required(Documents, nameof(Documents), "a buffer with the document of each key");
            Expect(nameof(Documents), documents.Length, Math.Max(1, work.Keys), "keys of all requests");
        }

        if (shape.KeyPadding)
        {
            KeyMask mask = Required(KeyPadding, nameof(KeyPadding), "a mask");
            ExpectAxis(nameof(KeyPadding), "requests", mask.Requests, work.Requests, orOne: true);
            ExpectAxis(nameof(KeyPadding), "keys", mask.Keys, work.LongestKeys);
        }

        if (shape.Bias)
        {
            AttentionBias bias = Required(Bias, nameof(Bias), "biases");
            ExpectAxis(nameof(Bias), "requests", bias.Requests, work.Requests, orOne: true);
            if (bias.Heads != 1 && bias.Heads != shape.QueryHeads)
            {
                throw new ArgumentException($"Expected biases of 1 or {shape.QueryHeads} heads, got {bias.Heads}.", nameof(Bias));
            }

            ExpectAxis(nameof(Bias), "queries", bias.Queries, work.LongestQueries, orOne: true);
            ExpectAxis(nameof(Bias), "keys", bias.Keys, work.LongestKeys);
        }

        CheckRope(work);
        if (descriptor.HasModInputs && Mods is null)
        {
            throw new InvalidOperationException($"{descriptor.Name} has mods with inputs: give the launch Inputs that have them.");
        }
    }

    /// <summary>Whether nothing was given that the spec has not.</summary>
    /// <exception cref="ArgumentException">It has no such input.</exception>
    public void CheckKnown()
    {
        Refuse(Sinks, shape.Sinks, nameof(Sinks));
        Refuse(Documents, shape.Documents, nameof(Documents));
        Refuse(KeyPadding, shape.KeyPadding, nameof(KeyPadding));
        Refuse(Bias, shape.Bias, nameof(Bias));
        Refuse(Rope, shape.Rope != RopeStyle.None, nameof(Rope));
        Refuse(Mods, descriptor.HasModInputs, nameof(Mods));
        Refuse(given.BlockMask, descriptor.BlockMaskHeads > 0, nameof(BlockMask));
    }

    /// <summary>Whether the sinks are there, if the spec has them, and nothing that it has not.</summary>
    /// <exception cref="InvalidOperationException">They have not been given.</exception>
    /// <exception cref="ArgumentException">There are too few, or the spec has no such input.</exception>
    public void CheckSinks()
    {
        CheckKnown();
        if (shape.Sinks)
        {
            Expect(nameof(Sinks), Required(Sinks, nameof(Sinks), "a buffer of a logit for each query head").Length, shape.QueryHeads, "query heads");
        }
    }

    /// <summary>Whether the angles of all of a step's positions are there, if the spec has rope.</summary>
    /// <exception cref="InvalidOperationException">They have not been given.</exception>
    /// <exception cref="ArgumentException">There are too few, or they are of another rotary dimension.</exception>
    public void CheckRope(WorkPlan work)
    {
        if (shape.Rope != RopeStyle.None)
        {
            DeviceRopeTable table = Required(Rope, nameof(Rope), "a DeviceRopeTable");
            if (table.RotaryDim != shape.RotaryDim)
            {
                throw new ArgumentException($"Expected a table of rotary dimension {shape.RotaryDim}, got one of {table.RotaryDim}.", nameof(Rope));
            }

            ExpectAxis(nameof(Rope), "positions", table.Positions, work.LongestKeys);
        }
    }

    /// <summary>Sets one of the inputs as a kernel's argument; the mods' are the last, as many as they are.</summary>
    public ComputeKernel Bind(ComputeKernel kernel, int index, KernelArgument argument)
    {
        switch (argument)
        {
            case KernelArgument.Sinks:
                return kernel.Set(index, Sinks!);
            case KernelArgument.Documents:
                return kernel.Set(index, Documents!);
            case KernelArgument.KeyMask:
                return kernel.Set(index, KeyPadding!.Values);
            case KernelArgument.KeyMaskStride:
                return kernel.Set(index, KeyPadding!.RequestStride);
            case KernelArgument.Bias:
                return kernel.Set(index, Bias!.Values);
            case KernelArgument.BiasRequestStride:
                return kernel.Set(index, Bias!.RequestStride);
            case KernelArgument.BiasHeadStride:
                return kernel.Set(index, Bias!.HeadStride);
            case KernelArgument.BiasQueryStride:
                return kernel.Set(index, Bias!.QueryStride);
            case KernelArgument.Rope:
                return kernel.Set(index, Rope!.Values);
            case KernelArgument.Mods:
                Mods?.Bind(kernel, index);
                return kernel;
            default:
                throw new ArgumentOutOfRangeException(nameof(argument), argument, "No launch gives this.");
        }
    }

    private T Required<T>(T? input, string name, string what) where T : class =>
        input ?? throw new InvalidOperationException($"{descriptor.Name} has {name}: give the launch {name}, {what}.");

    private void Refuse(object? input, bool has, string name)
    {
        if (input is not null && !has)
        {
            throw new ArgumentException($"{descriptor.Name} has no {name}; the launch was given some.", name);
        }
    }

    private static void Expect(string name, long length, long expected, string meaning)
    {
        if (length < expected)
        {
            throw new ArgumentException($"Expected at least {expected} elements ({meaning}), got a buffer of {length}.", name);
        }
    }

    private static void ExpectAxis(string name, string axis, int length, int expected, bool orOne = false)
    {
        if (length < expected && !(orOne && length == 1))
        {
            throw new ArgumentException($"Expected at least {expected} {axis}{(orOne ? ", or 1 for all" : "")}, got {length}.", name);
        }
    }
}
