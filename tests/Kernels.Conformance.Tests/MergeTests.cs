using Kernels.OpenCL;

namespace Kernels.Conformance.Tests;

/// <summary>Merges that the program's cases do not have.</summary>
[Collection(DeviceCollection.Name)]
public sealed class MergeTests(DeviceFixture fixture)
{
    private const int Tokens = 7, Heads = 3, Dim = 11;

    [SkippableFact]
    public void SinkFarAboveTheKeysLeavesTheLse() =>
        Assert.Null(
            MergeCheck.Run<float>(
                fixture.Device, KernelTarget.Portable, MergeCheck.Shape(Heads, Dim, ElementType.Float32, sinks: true), states: 5,
                sinkOffset: 200));

    [SkippableFact]
    public void WrongArgumentsAreRefused()
    {
        AttentionShape shape = MergeCheck.Shape(Heads, Dim, ElementType.Float32, sinks: false);
        using var launcher = new AttentionLauncher<RuntimeSpec, float>(fixture.Device, RuntimeSpec.Describe(shape));
        using DeviceBuffer<float> large = fixture.Device.Allocate<float>(2 * Tokens * Heads * Dim), small = fixture.Device.Allocate<float>(
            (Tokens * Heads) - 1);
        Assert.Throws<ArgumentOutOfRangeException>(
            "states.Count", () => launcher.EnqueueMergeStates(new(large, large, 0, Tokens), large, large));
        Assert.Throws<ArgumentException>("states.Outputs", () => launcher.EnqueueMergeStates(new(large, large, 3, Tokens), large, large));
        Assert.Throws<ArgumentException>("states.Lse", () => launcher.EnqueueMergeStates(new(large, small, 2, Tokens), large, large));
        Assert.Throws<ArgumentException>("outputs", () => launcher.EnqueueMergeStates(new(large, large, 2, Tokens), small, large));
        Assert.Throws<ArgumentException>("lse", () => launcher.EnqueueMergeStates(new(large, large, 2, Tokens), large, small));
    }
}
