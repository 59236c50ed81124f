using Kernels.Planning;

namespace Kernels.OpenCL;

/// <summary>A buffer with the document of each key.</summary>
internal sealed class DocumentsInput() : LaunchInput<DeviceBuffer<int>>(new DocumentsOption(), "a buffer with the document of each key")
{
    public override AttentionInputs AddZeros(in AttentionInputs inputs, AttentionShape shape, int keys, ZeroBuffers zeros) =>
        inputs with { Documents = zeros.Create<int>(keys) };

    protected override DeviceBuffer<int>? Of(in AttentionInputs inputs) => inputs.Documents;

    protected override void Check(DeviceBuffer<int> input, AttentionShape shape, WorkPlan work) =>
        Expect(Option.Name, input.Length, Math.Max(1, work.Keys), "keys of all requests");

    protected override ComputeKernel Set(ComputeKernel kernel, int index, KernelInput argument, DeviceBuffer<int> input) =>
        kernel.Set(index, input);
}
