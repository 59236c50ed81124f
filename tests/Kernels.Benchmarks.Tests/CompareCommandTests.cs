using System.CommandLine;
using Kernels.Benchmarks.Compare;

namespace Kernels.Benchmarks.Tests;

public sealed class CompareCommandTests
{
    [Fact]
    public void DefaultsAreThoseOfTheSuite()
    {
        CompareOptions options = Read("compare --suite gpu");
        Assert.Equal(("gpu", "gpu", 3, 1.0, true), (options.Suite.Name, options.Device, options.Processes, options.Seconds, options.Peers));
        Assert.Null(options.Filter);
        Assert.Equal("compare --suite gpu", options.CommandLine);
        Assert.Equal("cpu", Read("compare").Suite.Name);
    }

    [Fact]
    public void EveryOptionArrives()
    {
        CompareOptions options = Read(
            "compare --suite cpu --device #1 --processes 5 --seconds 0.5 --filter decode --no-peers --no-series --json a.json --markdown "
                + "b.md --plot c.png");
        Assert.Equal(("#1", 5, 0.5, "decode", false), (options.Device, options.Processes, options.Seconds, options.Filter, options.Peers));
        Assert.All(options.Rows, row => Assert.Null(row.Series));
        Assert.Equal(("a.json", "b.md", "c.png"), (options.Json, options.Markdown, options.Plot));
    }

    [Theory]
    [InlineData("compare --suite tpu")]
    [InlineData("compare --processes 0")]
    [InlineData("compare --seconds 0")]
    [InlineData("compare --seconds nan")]
    [InlineData("compare --rows all")]
    [InlineData("host --steps 0")]
    [InlineData("profile --times 0")]
    public void WrongArgumentsAreRefused(string line) => Assert.NotEmpty(CompareCommand.Create().Parse(line).Errors);

    [Theory]
    [InlineData("cpu")]
    [InlineData("gpu")]
    public void ASuiteIsConsistent(string name)
    {
        Suite suite = Suite.All.Single(suite => suite.Name == name);
        Assert.Equal(suite.Rows.Length, suite.Rows.Select(row => row.Name).Distinct().Count());
        Assert.All(
            suite.Rows, row => Assert.True(row.Work is { Flops: > 0, Bytes: > 0 } && row.Work.StoredBytes <= row.Work.Bytes, row.Name));
        Assert.All(suite.Rows.SelectMany(row => row.Others), other => Assert.NotNull(suite.Find(other.Name)));
    }

    [Fact]
    public void AFilterChoosesRowsByNameOrSeries()
    {
        Suite suite = Suite.All[0];
        string[] chosen = [.. suite.Select("page 16").Select(row => row.Name)];
        Assert.Contains("decode f32 B8 H32/8 S4096 D128 page 16", chosen);
        Assert.DoesNotContain("decode f32 B8 H32/8 S4096 D128", chosen);
        Assert.DoesNotContain("decode int8 B8 H32/8 S4096 D128", chosen);
        Assert.Equal(suite.Rows.Length, suite.Select(null).Length);
        Assert.Empty(suite.Select("no such row"));
        Assert.All(suite.Select("GROWTH DECODE"), row => Assert.Equal(Step.Decode, row.Work.Step));
    }

    private static CompareOptions Read(string line)
    {
        ParseResult result = CompareCommand.Create().Parse(line);
        Assert.Empty(result.Errors);
        return CompareCommand.Read(result);
    }
}
