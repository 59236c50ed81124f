using System.Globalization;
using System.Text.RegularExpressions;
using Kernels.Compiler.Specs;
using Kernels.Generators.Diagnostics;
using Kernels.Generators.Parsing;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Tests;

/// <summary>
/// Every rule has a page that is true: its example breaks the rule, its remedy does not, its numbers are the validator's.
/// </summary>
public sealed class DocumentationTests
{
    private static readonly string Folder = Path.Combine(RepositoryFolder.Generator, "docs");

    private static readonly IReadOnlyList<DiagnosticDescriptor> Rules =
        [.. Analyzers.All.SelectMany(analyzer => analyzer.SupportedDiagnostics).OrderBy(rule => rule.Id, StringComparer.Ordinal)];

    /// <summary>The numbers that a rule's page must name.</summary>
    private static readonly IReadOnlyDictionary<string, string[]> Numbers = new Dictionary<string, string[]>
    {
        ["KA0101"] = [$"between {SpecLimits.MinHeads} and {SpecLimits.MaxHeads}"],
        ["KA0102"] = [$"between {SpecLimits.MinHeads} and {SpecLimits.MaxHeads}"],
        ["KA0104"] = [$"between {SpecLimits.MinDim} and {SpecLimits.MaxHeadDim}"],
        ["KA0105"] = [$"between {SpecLimits.MinDim} and {SpecLimits.MaxValueDim}"],
        ["KA0106"] = [string.Create(CultureInfo.InvariantCulture, $"between {SpecLimits.MinScale} and {SpecLimits.MaxScale}")],
        ["KA0108"] =
        [
            $"`QueryTile` from {SpecLimits.MinQueryTile} to {SpecLimits.MaxQueryTile}",
            $"`KeyTile` from {SpecLimits.MinKeyTile} to {SpecLimits.MaxKeyTile}",
        ],
        ["KA0109"] = [$"{SpecLimits.PortableLocalBytes} bytes"],
        ["KA0111"] = [$"between 0 and {SpecLimits.MaxWindow}"],
        ["KA0112"] = [string.Create(CultureInfo.InvariantCulture, $"between {SoftcapOption.Min} and {SoftcapOption.Max}")],
        ["KA0113"] = [$"between {SpecLimits.MinPageSize} and {SpecLimits.MaxPageSize}"],
        ["KA0130"] = [$"between {SpecLimits.MinRotaryDim} and"],
        ["KA0121"] = [$"multiples of {SpecLimits.Int4DimMultiple}", $"multiple of {SpecLimits.LatentFloat8ValueMultiple}"],
        ["KA0008"] = [$"set it to {TypeChecker.MinLanguageVersion.ToDisplayString()[..2]}"],
    };

    /// <summary>The page of the one rule that no analyzer tells.</summary>
    private const string OfTheBuild = "KA0010.md";

    public static TheoryData<string> Ids => [.. Rules.Select(rule => rule.Id)];

    [Fact]
    public void Every_rule_has_a_page_and_every_page_a_rule() => Assert.Equal(
        Rules.Select(rule => rule.Id + ".md").Append(OfTheBuild).Append("README.md").Order(StringComparer.Ordinal),
        Directory.GetFiles(Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void Ids_are_not_used_twice() => Assert.Equal(Rules.Count, Rules.Select(rule => rule.Id).Distinct().Count());

    [Fact]
    public void The_index_lists_every_rule_in_order() => Assert.Equal(
        Rules.Select(rule => $"| [{rule.Id}]({rule.Id}.md) | {rule.DefaultSeverity} | {rule.Title} |"),
        File.ReadAllLines(Path.Combine(Folder, "README.md")).Where(line => line.StartsWith("| [KA", StringComparison.Ordinal)));

    [Fact]
    public void Release_tracking_lists_every_rule() => Assert.Equal(
        Rules.Select(
            rule =>
                $"{rule.Id} | {RuleDescriptors.Category} | {(rule.IsEnabledByDefault ? rule.DefaultSeverity : "Disabled")} | {rule.Title}"),
        new[] { "AnalyzerReleases.Shipped.md", "AnalyzerReleases.Unshipped.md" }
            .SelectMany(file => File.ReadAllLines(Path.Combine(RepositoryFolder.Generator, file)))
            .Where(line => line.StartsWith("KA", StringComparison.Ordinal)));

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_page_begins_with_title_and_severity(string id)
    {
        DiagnosticDescriptor rule = Rules.Single(candidate => candidate.Id == id);
        Assert.StartsWith(
            $"# {id}: {rule.Title}\n\n{rule.DefaultSeverity}{(rule.IsEnabledByDefault ? "" : ", off by default")}. ", Page(id),
            StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_page_names_the_limits_in_force(string id)
    {
        string page = Page(id);
        Assert.All(Numbers.GetValueOrDefault(id, []), number => Assert.Contains(number, page, StringComparison.Ordinal));
    }

    [Fact]
    public void A_rule_about_a_range_has_its_numbers_checked() => Assert.All(
        SpecRules.All.Where(rule => Regex.IsMatch(rule.Message, @"between|from \{|a multiple of \{")),
        rule => Assert.Contains(rule.Id, Numbers.Keys));

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task A_pages_example_breaks_the_rule_and_its_remedy_keeps_all(string id)
    {
        string[] examples =
            [.. Regex.Matches(Page(id), "```csharp\n(.*?)```", RegexOptions.Singleline).Select(match => match.Groups[1].Value)];

        // The remedy for a low C# version, and for a missing package, is in the project file.
        bool isVersion = id == TypeRules.LanguageVersion.Id, isPackage = id == TypeRules.NoRuntime.Id;
        Assert.Equal(isVersion || isPackage ? 1 : 2, examples.Length);
        GeneratorRun broken = Run(examples[0], isVersion ? LanguageVersion.CSharp11 : LanguageVersion.CSharp12, hasRuntime: !isPackage);
        Assert.Empty(broken.Input.SyntaxTrees.Single().GetDiagnostics());
        Assert.Contains(
            id, (await broken.AnalyzeAsync($"dotnet_diagnostic.{id}.severity = suggestion")).Select(diagnostic => diagnostic.Id));

        GeneratorRun mended = Run(examples[^1], LanguageVersion.CSharp12, hasRuntime: true);
        Assert.Empty(await mended.AnalyzeAsync());
        Assert.DoesNotContain(mended.CompilerDiagnostics, diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

        static GeneratorRun Run(string example, LanguageVersion version, bool hasRuntime) =>
            new UserProgram("using Kernels;\n" + example) { LanguageVersion = version, HasRuntime = hasRuntime }.Run();
    }

    private static string Page(string id) => File.ReadAllText(Path.Combine(Folder, id + ".md"));
}
