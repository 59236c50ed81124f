namespace Kernels.Conformance.Tests;

/// <summary>
/// Every kind of kernel under Oclgrind, an interpreter that sees races between work-items, accesses past a buffer and reads of what was
/// never written.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class OclgrindTests
{
    private static readonly KeyValuePair<string, string>[] Races = [new("OCLGRIND_DATA_RACES", "1")];

    // Its check for uninitialised reads (21.10) does not know the freeze instruction, which only an optimised program has.
    private static readonly KeyValuePair<string, string>[] Uninitialised =
        [new("OCLGRIND_UNINITIALIZED", "1"), new("OCLGRIND_BUILD_OPTIONS", "-cl-opt-disable")];

    [SkippableTheory]
    [InlineData(KernelTarget.Portable, false)]
    [InlineData(KernelTarget.Portable, true)]
    [InlineData(KernelTarget.Cpu, false)]
    [InlineData(KernelTarget.Cpu, true)]
    public void KernelsHaveNoFinding(KernelTarget target, bool uninitialised)
    {
        (ToolResult result, string log) = Run(uninitialised ? Uninitialised : Races, "tiny", target.ToString());
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("Oclgrind", result.Output, StringComparison.Ordinal);
        Assert.True(log.Length == 0, log);
    }

    [SkippableFact]
    public void RacyKernelHasAFinding()
    {
        (ToolResult result, string log) = Run(Races, "racy");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("data race", log, StringComparison.OrdinalIgnoreCase);
    }

    [SkippableFact]
    public void KernelThatReadsUnwrittenMemoryHasAFinding()
    {
        (ToolResult result, string log) = Run(Uninitialised, "unwritten");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("uninitialized value", log, StringComparison.OrdinalIgnoreCase);
    }

    private static (ToolResult Result, string Log) Run(KeyValuePair<string, string>[] checks, params string[] arguments)
    {
        string library = Library();
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kernels-oclgrind-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "oclgrind.icd"), library + "\n");
            string log = Path.Combine(folder.FullName, "log.txt");
            var environment = new Dictionary<string, string>(checks)
            {
                ["OCL_ICD_VENDORS"] = folder.FullName,
                ["KERNELS_DEVICE"] = "#0",
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
