namespace Kernels.OpenCL.Tests;

public sealed class TargetSelectionTests
{
    private const string Refused = "the driver says no";

    private static readonly KernelTarget[] All = [KernelTarget.Portable, KernelTarget.Cpu, KernelTarget.Sm80, KernelTarget.Sm90];

    [Theory]
    [InlineData(DeviceKind.Cpu, 16, 0, "", KernelTarget.Cpu, "16 floats")]
    [InlineData(DeviceKind.Cpu, 1, 0, "", KernelTarget.Portable, "no target is more specific")]
    [InlineData(DeviceKind.Gpu, 1, 0, "", KernelTarget.Portable, "no target is more specific")]
    [InlineData(DeviceKind.Gpu, 1, 75, "", KernelTarget.Portable, "no target is more specific")]
    [InlineData(DeviceKind.Gpu, 1, 89, Refused, KernelTarget.Sm80, "8.9")]
    [InlineData(DeviceKind.Gpu, 1, 90, "", KernelTarget.Sm90, "9.0")]
    [InlineData(DeviceKind.Gpu, 1, 90, Refused, KernelTarget.Sm80, "sm90 is refused: " + Refused)]
    [InlineData(DeviceKind.Gpu, 1, 120, Refused, KernelTarget.Sm80, "12.0")]
    public void TheDevicesCapabilitiesDecide(DeviceKind kind, int width, int compute, string refusal, KernelTarget expected, string reason)
    {
        (KernelTarget target, string why) = Pick(kind, width, compute, refusal, All);
        Assert.Equal(expected, target);
        Assert.Contains(reason, why, StringComparison.Ordinal);
        Assert.Equal(compute == 90 && refusal.Length > 0, why.Contains(Refused, StringComparison.Ordinal));
    }

    [Fact]
    public void ARefusalIsToldWhereOnlyPortableIsLeft()
    {
        (KernelTarget target, string why) = Pick(
            DeviceKind.Gpu, 1, 90, Refused, [KernelTarget.Portable, KernelTarget.Cpu, KernelTarget.Sm90]);
        Assert.Equal(KernelTarget.Portable, target);
        Assert.Contains(Refused, why, StringComparison.Ordinal);
    }

    [Fact]
    public void TheDriverIsNotAskedWhereItDoesNotMatter()
    {
        DeviceCapabilities capabilities = Capabilities(DeviceKind.Gpu, 1, 90);
        Assert.Equal(
            KernelTarget.Portable,
            TargetSelection.Pick(capabilities, () => throw new InvalidOperationException("asked"), [KernelTarget.Portable]).Target);
    }

    private static (KernelTarget Target, string Reason) Pick(
        DeviceKind kind, int width, int compute, string refusal, KernelTarget[] targets) =>
        TargetSelection.Pick(Capabilities(kind, width, compute), () => refusal, targets);

    private static DeviceCapabilities Capabilities(DeviceKind kind, int width, int compute) =>
        DeviceSelectorTests.Fake(0, 0, "Device", "Platform", kind).Capabilities with
        {
            NativeVectorWidthFloat = width,
            NvidiaComputeCapability = compute,
        };
}
