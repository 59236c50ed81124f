using System.Globalization;

namespace Kernels.Conformance.Tests;

/// <summary>
/// The conformance program on a second driver: Mesa's rusticl, on the CPU. A process of its own, because the driver reads its environment
/// once.
/// </summary>
[Collection(DeviceCollection.Name)]
public sealed class RusticlTests
{
    private static readonly Dictionary<string, string> Environment = new()
    {
        ["RUSTICL_ENABLE"] = "llvmpipe",
        ["KERNELS_DEVICE"] = "llvmpipe",
    };

    private const int SampleSize = 24, Seed = 1;

    // llvmpipe calculates a work-group on one thread: what takes it minutes is left to the other devices.
    private const double MostWork = 6e7;

    [SkippableFact]
    public void DimensionsAndLengthsAgreeWithTheReference() =>
        Run("--axes", "--count", C(SampleSize), "--seed", C(Seed), "--work", MostWork.ToString(CultureInfo.InvariantCulture));

    [SkippableTheory]
    [InlineData("H 1/1 d 32/32")] // the lengths that the sample leaves out
    [InlineData("(70,70)")]
    [InlineData("(33,65)")]
    [InlineData("(1,81)")]
    [InlineData("d 64/64 Causal Float16 Hnd (70,70) (33,190) (1,700) (3,41) and 2 more huge logits")]
    [InlineData("rope Interleaved 16")] // its fma gives zeros another sign
    // Rows of queries whose members need no gaps.
    [InlineData("Float32 Hnd (129,463) (1,700) (5,18) (0,7) and 5 more documents padding bias")]
    public void OptionsAgreeWithTheReference(string filter) => Run("--count", "12", "--filter", filter);

    [SkippableTheory]
    [InlineData("H 4/2 d 64/64 Causal Float32")] // its compiler takes 0 * x for 0, whatever x is
    [InlineData("H 7/1 d 59/43")]
    public void NumbersThatAreNotAgreeWithTheReference(string filter) => Run("--poison", "--filter", filter);

    [Fact]
    public void SampleHasEveryDimensionStorageAndGroupAndAllLengthsBelow1000()
    {
        AttentionCase[] sample = [.. CaseMatrix.Sample(SampleSize, Seed).Take(SampleSize).Where(test => test.Work <= MostWork)];
        Assert.Equal(12, sample.Select(test => test.Shape.HeadDim).Distinct().Count());
        Assert.Equal(9, sample.Select(test => test.Lengths.Single()).Distinct().Count());
        Assert.Equal(3, sample.Select(test => test.Shape.Storage).Distinct().Count());
        Assert.Subset(sample.Select(test => test.Shape.GroupSize).ToHashSet(), new HashSet<int> { 1, 2, 4, 7, 8 });
    }

    private static void Run(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Kernels.Conformance.dll");
        ToolResult result = Tool.Run(Tool.DotNet, ["exec", program, .. arguments], Environment);
        Skip.If(result.IsWithoutDevice, "Mesa's rusticl with llvmpipe is not installed (Debian: mesa-opencl-icd).");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("llvmpipe", result.Output, StringComparison.Ordinal);
        Assert.Matches("^[1-9][0-9]* passed, 0 failed$", result.LastLine);
    }

    private static string C(int number) => number.ToString(CultureInfo.InvariantCulture);
}
