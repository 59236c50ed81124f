namespace Kernels.OpenCL;

/// <summary>
/// What a spec's kernels are given at launch beside queries and cache. It is checked before anything is launched, and bound in
/// the order in which the compiler declares it: sinks, documents, key mask, bias, rope, then the mods' inputs.
/// </summary>
internal sealed class LaunchInputs(AttentionDescriptor descriptor)
{
    private readonly AttentionShape shape = descriptor.Shape;

    public DeviceBuffer<float>? Sinks { get; set; }

    public DeviceBuffer<int>? Documents { get; set; }

    public KeyMask? KeyPadding { get; set; }

    public AttentionBias? Bias { get; set; }

    public DeviceRopeTable? Rope { get; set; }

    public IModInputs? Mods { get; set; }

    /// <summary>Whether all is there that the spec needs, and large enough for a step.</summary>
    /// <exception cref="InvalidOperationException">An input has not been set.</exception>
    /// <exception cref="ArgumentException">An input is too small for the step.</exception>
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
            throw new InvalidOperationException($"{descriptor.Name} has mods with inputs: set Inputs first.");
        }
    }

    /// <summary>Whether the sinks are there, if the spec has them.</summary>
    /// <exception cref="InvalidOperationException">They have not been set.</exception>
    /// <exception cref="ArgumentException">There are too few.</exception>
    public void CheckSinks()
    {
        if (shape.Sinks)
        {
            Expect(nameof(Sinks), Required(Sinks, nameof(Sinks), "a buffer of a logit for each query head").Length, shape.QueryHeads, "query heads");
        }
    }

    /// <summary>Whether the angles of all of a step's positions are there, if the spec has rope.</summary>
    /// <exception cref="InvalidOperationException">They have not been set.</exception>
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

    /// <summary>Sets the inputs of a flash kernel as its arguments from <paramref name="index"/> on.</summary>
    public void Bind(ComputeKernel kernel, int index)
    {
        index = BindSinks(kernel, index);
        if (shape.Documents)
        {
            kernel.Set(index++, Documents!);
        }

        if (shape.KeyPadding)
        {
            kernel.Set(index++, KeyPadding!.Values).Set(index++, KeyPadding.RequestStride);
        }

        if (shape.Bias)
        {
            kernel.Set(index++, Bias!.Values).Set(index++, Bias.RequestStride).Set(index++, Bias.HeadStride).Set(index++, Bias.QueryStride);
        }

        if (shape.Rope != RopeStyle.None)
        {
            kernel.Set(index++, Rope!.Values);
        }

        Mods?.Bind(kernel, index);
    }

    /// <summary>Sets the sinks, if the spec has them.</summary>
    /// <returns>Index of the argument after them.</returns>
    public int BindSinks(ComputeKernel kernel, int index)
    {
        if (shape.Sinks)
        {
            kernel.Set(index++, Sinks!);
        }

        return index;
    }

    private T Required<T>(T? input, string name, string what) where T : class =>
        input ?? throw new InvalidOperationException($"{descriptor.Name} has {name}: set {name} to {what} first.");

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
