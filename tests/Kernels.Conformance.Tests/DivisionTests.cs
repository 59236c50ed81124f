namespace Kernels.Conformance.Tests;

/// <summary>
/// Mods that divide by zero end no process, on any device. A process of its own, because a program that another test builds as a user does
/// would let kernels divide by zero in all of it.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class DivisionTests
{
    [SkippableTheory]
    [InlineData("Portable Computing Language", "Cpu")]
    [InlineData("Portable Computing Language", "Portable")]
    [InlineData("llvmpipe", "Portable")]
    public void IntegerDivisionsWithoutAQuotientGiveWhatIsDocumented(string device, string target)
    {
        var environment = new Dictionary<string, string> { ["RUSTICL_ENABLE"] = "llvmpipe", ["KERNELS_DEVICE"] = device };
        ToolResult result = Tool.Run(Tool.DotNet, ["exec", typeof(Child).Assembly.Location, "divisions", target], environment);
        Skip.If(result.IsWithoutDevice, $"The machine has no {device} (Debian: pocl-opencl-icd, mesa-opencl-icd).");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal("divisions: as documented", result.LastLine);
    }
}
