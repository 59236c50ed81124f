using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;

namespace Kernels.Generators.Tests;

/// <summary>What a spec costs is told to whoever asks, and to nobody else.</summary>
public sealed class CostTests
{
    private const string On = "dotnet_diagnostic.KA0401.severity = suggestion";

    [Fact]
    public async Task Nothing_is_said_by_default() =>
        Assert.Empty(await Run("[AttentionKernel(32, 8, 128)] partial class Spec;").AnalyzeAsync());

    [Theory]
    [InlineData("32, 8, 128, Storage = ElementType.Float16", 4096, 16384, "4")]
    [InlineData("32, 8, 128, Storage = ElementType.Float16, CacheStorage = ElementType.Int8, PageSize = 16", 2112, 16384, "7.76")]
    [InlineData("128, 1, 576, ValueDim = 512, LatentCache = true, Scale = 0.07, Storage = ElementType.BFloat16", 1152, 278528, "242")]
    [InlineData(
        "128, 1, 576, ValueDim = 512, LatentCache = true, Scale = 0.07, Storage = ElementType.BFloat16, CacheStorage = "
            + "ElementType.Float8E4M3", 656, 278528, "425")]
    [InlineData("8, 8, 64, ValueDim = 32", 3072, 1536, "0.5")]
    public async Task An_editorconfig_turns_it_on(string arguments, long bytes, long flops, string intensity)
    {
        string attribute = $"AttentionKernel({arguments})";
        Diagnostic told = Assert.Single(await Run($"[{attribute}] partial class Spec;").AnalyzeAsync(On));
        Assert.Equal(("KA0401", DiagnosticSeverity.Info), (told.Id, told.Severity));
        Assert.Equal(
            $"Spec: a token takes {bytes} bytes in the cache of one layer, and a query {flops} FLOPs for each key that it sees; decoding "
                + $"does {intensity} FLOPs for each byte of the cache",
            told.GetMessage());
        Assert.Equal(attribute, (await told.Location.SourceTree!.GetTextAsync()).ToString(told.Location.SourceSpan));
    }

    [Fact]
    public async Task A_build_can_print_it() => Assert.Equal(
        DiagnosticSeverity.Warning,
        Assert.Single(
            await Run("[AttentionKernel(32, 8, 128)] partial class Spec;").AnalyzeAsync(
                "dotnet_diagnostic.KA0401.severity = warning")).Severity);

    [Fact]
    public async Task A_wrong_spec_has_no_cost() =>
        Assert.Equal("KA0103", Assert.Single(await Run("[AttentionKernel(32, 5, 128)] partial class Spec;").AnalyzeAsync(On)).Id);

    private static GeneratorRun Run(string source) => new UserProgram("using Kernels;\n" + source).Run();
}
