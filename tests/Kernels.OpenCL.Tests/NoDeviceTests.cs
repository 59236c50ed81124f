using Kernels.OpenCL.Native;

namespace Kernels.OpenCL.Tests;

public sealed class NoDeviceTests
{
    [Theory]
    [InlineData("linux", "apt-get install pocl-opencl-icd")]
    [InlineData("linux", "dnf install pocl")]
    [InlineData("linux", "pacman -S pocl")]
    [InlineData("windows", "Intel CPU Runtime")]
    [InlineData("macos", "built into macOS")]
    [InlineData("other", "PoCL")]
    public void TheMessageSaysHowToGetADevice(string system, string advice)
    {
        Assert.Contains(advice, NoDeviceMessage.For(system, hasLoader: true));
        Assert.Contains(advice, NoDeviceMessage.For(system, hasLoader: false));
        Assert.Contains("no OpenCL loader", NoDeviceMessage.For(system, hasLoader: false));
        Assert.Contains("no driver", NoDeviceMessage.For(system, hasLoader: true));
    }

    [Fact]
    public void AMachineWithoutALoaderIsNoError() => Assert.Null(OpenClLibrary.Load(["libNoSuchLoader.so.1", "libNoSuchLoader.so"]));

    [SkippableFact]
    public void AMachineWithoutDriversHasNoDevicesAndSaysSo()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "The variable that hides drivers is a Linux loader's.");
        using TemporaryFolder empty = new();
        string output = Child.Run(["open"], ("OCL_ICD_VENDORS", empty.Path), ("OCL_ICD_FILENAMES", null), ("KERNELS_DEVICE", null));
        Assert.StartsWith("0 devices", output);
        Assert.Contains("NoDeviceException CL_DEVICE_NOT_FOUND: No OpenCL device was found", output);
        Assert.Contains("apt-get install pocl-opencl-icd", output);
    }

    [SkippableFact]
    public void AWishInTheEnvironmentThatNoDeviceAnswersIsNamed()
    {
        Skip.If(ComputeDevice.Enumerate().Count == 0, "There is no OpenCL device on this machine.");
        string output = Child.Run(["open"], ("KERNELS_DEVICE", "no such device"));
        Assert.Contains("DeviceSelectionException", output);
        Assert.Contains("\"no such device\" (from KERNELS_DEVICE)", output);
        Assert.Contains("#0 ", output);
    }

    [SkippableFact]
    public void PoclsThreadsArePinnedUnlessTheUserSaysOtherwise()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Set on Linux only.");
        Skip.If(ComputeDevice.Enumerate().Count == 0, "There is no OpenCL device on this machine.");
        Assert.Equal("1", Child.Run(["affinity"], ("POCL_AFFINITY", null)));
        Assert.Equal("0", Child.Run(["affinity"], ("POCL_AFFINITY", "0")));
    }
}
