using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>A buffer with a logit of each query head.</summary>
internal sealed class SinksInput() : LaunchInput<DeviceBuffer<float>>(new SinksOption(), "a buffer of a logit for each query head")
{
    public override AttentionInputs AddZeros(in AttentionInputs inputs, AttentionShape shape, int keys, ZeroBuffers zeros) =>
        inputs with { Sinks = zeros.Create<float>(shape.QueryHeads) };

    protected override DeviceBuffer<float>? Of(in AttentionInputs inputs) => inputs.Sinks;

    protected override void Check(DeviceBuffer<float> input, AttentionShape shape, WorkPlan work) =>
        Expect(Option.Name, input.Length, shape.QueryHeads, "query heads");

    protected override ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, DeviceBuffer<float> input) =>
        kernel.Set(index, input);
}
