namespace Kernels.Conformance.Tests;

/// <summary>The conformance program on a second driver: Mesa's rusticl, on the CPU. A process of its own, because the driver reads its environment once.</summary>
[Collection(DeviceCollection.Name)]
public sealed class RusticlTests
{
    private static readonly Dictionary<string, string> Environment = new()
    {
        ["RUSTICL_ENABLE"] = "llvmpipe",
        ["KERNELS_DEVICE"] = "llvmpipe",
    };

    [SkippableTheory]
    [InlineData("(70,70)")]
    [InlineData("(33,65)")]
    [InlineData("(1,81)")]
    public void AgreesWithTheReference(string filter)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Kernels.Conformance.dll");
        ToolResult result = Tool.Run(Tool.DotNet, ["exec", program, "--count", "12", "--filter", filter], Environment);
        Skip.If(IsMissing(result), "Mesa's rusticl with llvmpipe is not installed (Debian: mesa-opencl-icd).");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("llvmpipe", result.Output, StringComparison.Ordinal);
        Assert.Matches("^[1-9][0-9]* passed, 0 failed$", result.LastLine);
    }

    /// <summary>The program ended before it had a device.</summary>
    private static bool IsMissing(ToolResult result) => result.ExitCode != 0
        && !result.Output.Contains("device: ", StringComparison.Ordinal)
        && (result.Errors.Contains("NoDeviceException", StringComparison.Ordinal) || result.Errors.Contains("DeviceSelectionException", StringComparison.Ordinal));
}
