namespace Kernels.Conformance.Tests;

/// <summary>Every kind of kernel under Oclgrind, an interpreter that sees races between work-items and accesses past a buffer. Its check for uninitialised reads stops at the <c>freeze</c> instructions of its own compiler (Oclgrind 21.10), so it is off.</summary>
[Collection(DeviceCollection.Name)]
public sealed class OclgrindTests
{
    [SkippableTheory]
    [InlineData(KernelTarget.Portable)]
    [InlineData(KernelTarget.Cpu)]
    public void KernelsHaveNoFinding(KernelTarget target)
    {
        (ToolResult result, string log) = Run("tiny", target.ToString());
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("Oclgrind", result.Output, StringComparison.Ordinal);
        Assert.True(log.Length == 0, log);
    }

    [SkippableFact]
    public void RacyKernelHasAFinding()
    {
        (ToolResult result, string log) = Run("racy");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("data race", log, StringComparison.OrdinalIgnoreCase);
    }

    private static (ToolResult Result, string Log) Run(params string[] arguments)
    {
        string library = Library();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kernels-oclgrind-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "oclgrind.icd"), library + "\n");
            string log = Path.Combine(folder.FullName, "log.txt");
            var environment = new Dictionary<string, string>
            {
                ["OCL_ICD_VENDORS"] = folder.FullName,
                ["KERNELS_DEVICE"] = "#0",
                ["OCLGRIND_DATA_RACES"] = "1",
                ["OCLGRIND_LOG"] = log,
            };
            ToolResult result = Tool.Run(Tool.DotNet, ["exec", typeof(Child).Assembly.Location, .. arguments], environment);
            return (result, File.Exists(log) ? File.ReadAllText(log) : "");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Where the Debian package has Oclgrind's driver.</summary>
    private static string Library()
    {
        string? dpkg = Tool.Find("dpkg");
        ToolResult? files = dpkg is null ? null : Tool.Run(dpkg, ["-L", "oclgrind"]);
        string? library = files?.Output.Split('\n').FirstOrDefault(line => line.EndsWith("-icd.so", StringComparison.Ordinal));
        Skip.If(library is null, "Oclgrind is not installed (Debian: oclgrind).");
        return library!;
    }
}
