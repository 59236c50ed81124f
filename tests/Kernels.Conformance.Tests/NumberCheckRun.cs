using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>A step of two requests in the second of two layers, with numbers that are not in one tensor.</summary>
internal abstract class NumberCheckRun
{
    protected const int QueryHeads = 4, KvHeads = 2, Dim = 16, ValueDim = 8, Tokens = 5, Layer = 1;

    public static IEnumerable<(ElementType Type, AttentionTensor Tensor)> TypesAndTensors =>
        from type in new[] { ElementType.Float32, ElementType.Float16, ElementType.BFloat16 }
        from tensor in Enum.GetValues<AttentionTensor>()
        select (type, tensor);

    public static NumberCheckRun Of(ElementType type) => type switch
    {
        ElementType.Float32 => new NumberCheckRun<float>(),
        ElementType.Float16 => new NumberCheckRun<Half>(),
        _ => new NumberCheckRun<BFloat16>(),
    };

    /// <summary>What is wrong with the answer to numbers that are not in a tensor; null if nothing is.</summary>
    public abstract string? Fault(ComputeDevice device, AttentionTensor tensor);
}

/// <inheritdoc/>
internal sealed class NumberCheckRun<T> : NumberCheckRun where T : unmanaged
{
    public override string? Fault(ComputeDevice device, AttentionTensor tensor)
    {
        AttentionShape shape = CaseMatrix.Shape(
            QueryHeads, KvHeads, Dim, ValueDim, AttentionMask.Causal, HostElement.Of<T>(), HostElement.Of<T>(), KvLayout.Hnd)
            with { Bias = true };
        using var launcher = new AttentionLauncher<RuntimeSpec, T>(device, RuntimeSpec.Describe(shape));
        using KvCache<RuntimeSpec> cache = launcher.CreateCache(2, 8, layers: Layer + 1);
        SequenceHandle[] s = cache.AddSequences(2);
        using AttentionPlan<RuntimeSpec> plan = launcher.CreatePlan();
        cache.Extend(s[0], 2);
        cache.Extend(s[1], 3);
        plan.Build(cache, [new(s[0], 2, 2), new(s[1], 3, 3)]);

        // A bias hides keys with infinities, and buffers are longer than the step: neither is looked at. NaN biases make the outputs NaN.
        float[] biases = [.. Enumerable.Range(0, 3 * 8).Select(i => i % 8 == 1 ? float.NegativeInfinity : 0)];
        if (tensor == AttentionTensor.Outputs)
        {
            biases.AsSpan(8).Fill(float.NaN);
        }

        using DeviceBuffer<float> bias = device.Upload<float>(biases);
        using DeviceBuffer<T> queries = Upload(AttentionTensor.Queries, QueryHeads, Dim);
        using DeviceBuffer<T> keys = Upload(AttentionTensor.Keys, KvHeads, Dim), values = Upload(AttentionTensor.Values, KvHeads, ValueDim);
        using DeviceBuffer<T> outputs = device.Allocate<T>(Tokens * QueryHeads * ValueDim);
        var inputs = new AttentionInputs { Bias = new AttentionBias(bias, requests: 1, heads: 1, queries: 3, keys: 8) };
        try
        {
            launcher.SubmitAppend(plan, cache, Layer, keys, values);
            launcher.SubmitAttend(plan, cache, Layer, queries, outputs, inputs);
            device.Queue.Finish();
            return "nothing was thrown";
        }
        catch (NotFiniteException e)
        {
            return Difference(e, tensor, shape)
                ?? (tensor is AttentionTensor.Keys or AttentionTensor.Values && cache.Written[0, Layer] > 0
                    ? "the tokens count as appended" : null);
        }

        DeviceBuffer<T> Upload(AttentionTensor which, int heads, int dim)
        {
            int length = Tokens * heads * dim;
            float[] numbers = [.. Enumerable.Range(0, length + 3).Select(i => i < length ? (i % 13 / 8f) - 0.5f : float.NaN)];
            if (which == tensor)
            {
                // Of token 3: the first of two in element 5 of the last head. What is too large for float16 becomes infinite.
                int at = (((3 * heads) + heads - 1) * dim) + 5;
                numbers[at] = shape.Storage == ElementType.Float16 ? -65520 : float.NegativeInfinity;
                numbers[at + 2] = float.NaN;
            }

            return device.Upload<T>(Array.ConvertAll(numbers, Elements.From<T>));
        }
    }

    private static string? Difference(NotFiniteException e, AttentionTensor tensor, AttentionShape shape)
    {
        // The second query of each request, of all heads, has a NaN in its bias; so has the third.
        int heads = tensor is AttentionTensor.Queries or AttentionTensor.Outputs ? QueryHeads : KvHeads;
        (int token, int head, int element, long count) = tensor == AttentionTensor.Outputs
            ? (1, 0, 0, 3 * QueryHeads * ValueDim) : (3, heads - 1, 5, 2);
        string name = tensor switch
        {
            AttentionTensor.Queries => "the queries are",
            AttentionTensor.Keys => "the new keys are",
            AttentionTensor.Values => "the new values are",
            _ => "the outputs are",
        };
        string place = FormattableString.Invariant($"layer {Layer}: {count} of ");
        bool isRight = (e.Tensor, e.Layer, e.Token, e.Head, e.Element, e.Count) == (tensor, Layer, token, head, element, count)
            && (tensor == AttentionTensor.Outputs ? float.IsNaN(e.Value) : float.IsNegativeInfinity(e.Value))
            && e.Attention == shape.ToString()
            && e.Message.Contains(place, StringComparison.Ordinal)
            && e.Message.Contains(name, StringComparison.Ordinal)
            && e.Message.Contains(
                FormattableString.Invariant($"of token {token}, head {head}, element {element}."), StringComparison.Ordinal)
            && e.Message.Contains("BFloat16, which has float32's range", StringComparison.Ordinal)
            == (shape.Storage == ElementType.Float16 && tensor != AttentionTensor.Outputs);
        return isRight ? null : e.Message;
    }
}
