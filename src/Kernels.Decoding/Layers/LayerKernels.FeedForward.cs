using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <content>Activations, gated units, and the mixture of experts around its linear layers.</content>
internal sealed partial class LayerKernels
{
    private ComputeKernel? activate;
    private ComputeKernel? gateHalves;
    private ComputeKernel? gatePairsClamped;
    private ComputeKernel? softcap;
    private ComputeKernel? scale;
    private ComputeKernel? addScaled;
    private ComputeKernel? chooseExperts;
    private ComputeKernel? combineExperts;
    private Task<ComputeProgram>? routing;

    /// <summary>output[i] = activation(input[i]).</summary>
    /// <param name="input">At least <paramref name="elements"/> elements.</param>
    /// <param name="output">At least <paramref name="elements"/> elements; not the input.</param>
    /// <param name="activation">The function.</param>
    /// <param name="elements">Elements.</param>
    public void Activate(DeviceBuffer<float> input, DeviceBuffer<float> output, Activation activation, long elements)
    {
        Require(input.Length, elements, nameof(input));
        Require(output.Length, elements, nameof(output));
        ComputeKernel kernel = Kernel(ref activate, "activate");
        kernel.Set(0, input).Set(1, output).Set(2, (int)activation).Set(3, elements);
        SubmitElements(kernel, (elements + elementLanes - 1) / elementLanes);
    }

    /// <summary>output[r] = activation(gate) · up, where a row of the input is [gate, up].</summary>
    /// <param name="input">[rows, 2, width].</param>
    /// <param name="output">[rows, width].</param>
    /// <param name="activation">The function.</param>
    /// <param name="width">Elements of a gate.</param>
    /// <param name="rows">Rows.</param>
    public void GateHalves(DeviceBuffer<float> input, DeviceBuffer<float> output, Activation activation, int width, int rows)
    {
        long elements = (long)rows * width;
        Require(input.Length, elements * 2, nameof(input));
        Require(output.Length, elements, nameof(output));
        ComputeKernel kernel = Kernel(ref gateHalves, "gate_halves");
        kernel.Set(0, input).Set(1, output).Set(2, (int)activation).Set(3, width).Set(4, rows);
        SubmitElements(kernel, (long)rows * Parts(width, elementLanes));
    }

    /// <summary>
    /// output[r, i] = gate · sigmoid(α · gate) · (up + 1) with gate at most the limit and up within ± the limit, where a row of
    /// the input is pairs (gate, up).
    /// </summary>
    /// <param name="input">[rows, width, 2].</param>
    /// <param name="output">[rows, width].</param>
    /// <param name="alpha">α.</param>
    /// <param name="limit">The limit.</param>
    /// <param name="width">Pairs of a row.</param>
    /// <param name="rows">Rows.</param>
    public void GatePairsClamped(DeviceBuffer<float> input, DeviceBuffer<float> output, double alpha, double limit, int width, int rows)
    {
        long elements = (long)rows * width;
        Require(input.Length, elements * 2, nameof(input));
        Require(output.Length, elements, nameof(output));
        ComputeKernel kernel = Kernel(ref gatePairsClamped, "gate_pairs_clamped");
        kernel.Set(0, input).Set(1, output).Set(2, (float)alpha).Set(3, (float)limit).Set(4, elements);
        SubmitElements(kernel, elements);
    }

    /// <summary>values[i] = cap · tanh(values[i] / cap).</summary>
    /// <param name="values">At least <paramref name="elements"/> elements.</param>
    /// <param name="cap">The cap.</param>
    /// <param name="elements">Elements.</param>
    public void Softcap(DeviceBuffer<float> values, double cap, long elements)
    {
        Require(values.Length, elements, nameof(values));
        ComputeKernel kernel = Kernel(ref softcap, "softcap");
        kernel.Set(0, values).Set(1, (float)cap).Set(2, elements);
        SubmitElements(kernel, elements);
    }

    /// <summary>values[i] *= factor.</summary>
    /// <param name="values">At least <paramref name="elements"/> elements.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="elements">Elements.</param>
    public void Scale(DeviceBuffer<float> values, double factor, long elements)
    {
        Require(values.Length, elements, nameof(values));
        ComputeKernel kernel = Kernel(ref scale, "scale");
        kernel.Set(0, values).Set(1, (float)factor).Set(2, elements);
        SubmitElements(kernel, elements);
    }

    /// <summary>output[i] += factor · input[i].</summary>
    /// <param name="input">At least <paramref name="elements"/> elements.</param>
    /// <param name="output">At least <paramref name="elements"/> elements; not the input.</param>
    /// <param name="factor">The factor.</param>
    /// <param name="elements">Elements.</param>
    public void AddScaled(DeviceBuffer<float> input, DeviceBuffer<float> output, double factor, long elements)
    {
        Require(input.Length, elements, nameof(input));
        Require(output.Length, elements, nameof(output));
        ComputeKernel kernel = Kernel(ref addScaled, "add_scaled");
        kernel.Set(0, input).Set(1, output).Set(2, (float)factor).Set(3, elements);
        SubmitElements(kernel, elements);
    }

    /// <summary>For each token the best experts of its best groups, best first, and their weights.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="bias">[experts], with <see cref="ExpertScore.BiasedSigmoid"/>; else null.</param>
    /// <param name="chosen">[tokens, count].</param>
    /// <param name="weights">[tokens, count].</param>
    /// <param name="routing">How experts are chosen and weighted.</param>
    /// <param name="experts">Experts; a multiple of the groups.</param>
    /// <param name="count">Experts of a token, at most all of the groups that it may have.</param>
    /// <param name="tokens">Tokens.</param>
    public void ChooseExperts(
        DeviceBuffer<float> logits, DeviceBuffer<float>? bias, DeviceBuffer<int> chosen, DeviceBuffer<float> weights, RoutingConfig routing,
        int experts, int count, int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(routing.Groups, RoutingConfig.MaxGroups, nameof(routing));
        ArgumentOutOfRangeException.ThrowIfNotEqual(experts % routing.Groups, 0, nameof(routing));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, experts / routing.Groups * routing.GroupsPerToken);
        Require(logits.Length, (long)tokens * experts, nameof(logits));
        Require(chosen.Length, (long)tokens * count, nameof(chosen));
        Require(weights.Length, (long)tokens * count, nameof(weights));
        if (routing.Score == ExpertScore.BiasedSigmoid)
        {
            ArgumentNullException.ThrowIfNull(bias);
            Require(bias.Length, experts, nameof(bias));
        }

        ComputeKernel kernel = RoutingKernel(ref chooseExperts, "choose_experts");
        kernel.Set(0, logits).Set(1, bias ?? logits).Set(2, chosen).Set(3, weights).Set(4, experts).Set(5, count).Set(6, (int)routing.Score)
            .Set(7, routing.Groups).Set(8, routing.GroupsPerToken).Set(9, routing.Normalize ? 1 : 0).Set(10, (float)routing.Scale)
            .Set(11, tokens);
        SubmitElements(kernel, tokens);
    }

    /// <summary>output[t] = Σ over a token's experts of weight · input, or output[t] += that.</summary>
    /// <param name="input">[tokens, count, width].</param>
    /// <param name="weights">[tokens, count].</param>
    /// <param name="output">[tokens, width].</param>
    /// <param name="width">Elements of a token.</param>
    /// <param name="count">Experts of a token.</param>
    /// <param name="tokens">Tokens.</param>
    /// <param name="accumulate">Whether the result is added to what the output holds.</param>
    public void CombineExperts(
        DeviceBuffer<float> input, DeviceBuffer<float> weights, DeviceBuffer<float> output, int width, int count, int tokens,
        bool accumulate)
    {
        Require(input.Length, (long)tokens * count * width, nameof(input));
        Require(weights.Length, (long)tokens * count, nameof(weights));
        long elements = Require(output.Length, (long)tokens * width, nameof(output));
        ComputeKernel kernel = RoutingKernel(ref combineExperts, "combine_experts");
        kernel.Set(0, input).Set(1, weights).Set(2, output).Set(3, width).Set(4, count).Set(5, tokens).Set(6, accumulate ? 1 : 0);
        SubmitElements(kernel, elements);
    }

    private ComputeKernel RoutingKernel(ref ComputeKernel? kernel, string name) =>
        kernel ??= Create(routing ??= Build("routing", Text("experts.cl")), name);
}
