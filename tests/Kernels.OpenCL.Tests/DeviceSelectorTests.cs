namespace Kernels.OpenCL.Tests;

public sealed class DeviceSelectorTests
{
    private static readonly IReadOnlyList<DeviceInfo> Machine =
    [
        Fake(0, 0, "pthread-haswell", "Portable Computing Language", DeviceKind.Cpu),
        Fake(1, 1, "NVIDIA H200", "NVIDIA CUDA", DeviceKind.Gpu),
        Fake(1, 2, "NVIDIA H100 PCIe", "NVIDIA CUDA", DeviceKind.Gpu),
        Fake(2, 3, "FPGA Board", "Some/Vendor", DeviceKind.Accelerator),
        Fake(3, 4, "llvmpipe (LLVM 15.0.6)", "rusticl", DeviceKind.Cpu),
    ];

    [Theory]
    [InlineData("", 1)]
    [InlineData("  ", 1)]
    [InlineData("auto", 1)]
    [InlineData("AUTO", 1)]
    [InlineData("gpu", 1)]
    [InlineData("gpu:0", 1)]
    [InlineData("GPU:1", 2)]
    [InlineData("cpu", 0)]
    [InlineData("cpu:1", 4)]
    [InlineData("accelerator", 3)]
    [InlineData("#3", 3)]
    [InlineData("4", 4)]
    [InlineData(" 2 ", 2)]
    [InlineData("h100", 2)]
    [InlineData("nvidia", 1)]
    [InlineData("Rusticl", 4)]
    [InlineData("portable", 0)]
    [InlineData("cuda/h100", 2)]
    [InlineData("rusticl/llvmpipe", 4)]
    [InlineData("/H100", 2)]
    [InlineData("Some/Vendor", 3)]
    public void Selects(string text, int expected) => Assert.Equal(expected, DeviceSelector.Parse(text).Select(Machine).Index);

    [Theory]
    [InlineData("gpu:2")]
    [InlineData("gpu:x")]
    [InlineData("gpu:-1")]
    [InlineData("accelerator:1")]
    [InlineData("#5")]
    [InlineData("99999999999")]
    [InlineData("H300")]
    [InlineData("rusticl/h100")]
    public void AnUnansweredWishListsWhatThereIs(string text)
    {
        DeviceSelectionException e = Assert.Throws<DeviceSelectionException>(() => DeviceSelector.Parse(text).Select(Machine));
        Assert.Contains($"\"{text}\"", e.Message);
        foreach (DeviceInfo device in Machine)
        {
            Assert.Contains(device.ToString(), e.Message);
        }

        Assert.Contains("gpu:1", e.Message);
    }

    [Fact]
    public void AutomaticPrefersGpuThenAcceleratorThenCpu()
    {
        Assert.Equal(1, DeviceSelector.Automatic.Select(Machine).Index);
        Assert.Equal(3, DeviceSelector.Automatic.Select([Machine[0], Machine[3]]).Index);
        Assert.Equal(4, DeviceSelector.Automatic.Select([Machine[4]]).Index);
        DeviceInfo other = Fake(0, 0, "DSP", "Vendor", DeviceKind.Other);
        Assert.Same(other, DeviceSelector.Automatic.Select([other]));
        Assert.Throws<DeviceSelectionException>(() => DeviceSelector.Automatic.Select([]));
    }

    [Fact]
    public void AListThatIsNotSortedIsReadInIndexOrder()
    {
        Assert.Equal(1, DeviceSelector.Parse("gpu").Select([Machine[2], Machine[1]]).Index);
        Assert.Equal(1, DeviceSelector.Parse("nvidia").Select([Machine[2], Machine[1]]).Index);
        Assert.Equal(1, DeviceSelector.Automatic.Select([Machine[2], Machine[1]]).Index);
    }

    [Fact]
    public void NullIsRefused()
    {
        Assert.Throws<ArgumentNullException>(() => DeviceSelector.Parse(null!));
        Assert.Throws<ArgumentNullException>(() => DeviceSelector.Automatic.Select(null!));
    }

    [Fact]
    public void ADeviceIsWrittenWithPlaceNameKindAndPlatform() => Assert.Equal("#1 NVIDIA H200 (GPU, NVIDIA CUDA)", Machine[1].ToString());

    [Fact]
    public void ExtensionsAreMatchedWhole()
    {
        DeviceCapabilities capabilities = Machine[0].Capabilities;
        Assert.True(capabilities.Supports("cl_khr_fp64"));
        Assert.False(capabilities.Supports("cl_khr_fp"));
        Assert.False(capabilities.Supports("CL_KHR_FP64"));
    }

    internal static DeviceInfo Fake(int platform, int index, string name, string platformName, DeviceKind kind) =>
        new(platform, index, new()
    {
        Name = name,
        Vendor = "vendor",
        PlatformName = platformName,
        PlatformVersion = "OpenCL 3.0",
        DriverVersion = "1",
        OpenClVersion = "OpenCL 3.0",
        OpenClCVersion = "OpenCL C 1.2",
        Kind = kind,
        ComputeUnits = 2,
        MaxWorkGroupSize = 1024,
        MaxWorkItemSizes = [1024, 1024, 64],
        LocalMemoryBytes = 48 << 10,
        HasDedicatedLocalMemory = true,
        GlobalMemoryBytes = 1000,
        MaxAllocationBytes = 400,
        NativeVectorWidthFloat = 1,
        PreferredVectorWidthFloat = 1,
        MaxClockMHz = 1000,
        AddressBits = 64,
        Extensions = ["cl_khr_fp64", "cl_khr_fp16"],
        HasUnifiedMemory = false,
    });
}
