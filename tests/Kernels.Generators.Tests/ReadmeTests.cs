using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Kernels.Generators.Tests.Harness;

namespace Kernels.Generators.Tests;

/// <summary>
/// The pages are true: their declarations and calls compile, excerpts of kernels are what is emitted, and links
/// lead somewhere. A page's C# is either whole programs (which begin with <c>using Kernels;</c>), or declarations and statements: the
/// statements of a page are one program, top to bottom, in which the arrays of queries, keys, values and outputs are given.
/// </summary>
public sealed class ReadmeTests
{
    private const string Guide = "src/README.md";

    private static readonly string[] Files =
    [
        .. Directory.EnumerateFiles(RepositoryFolder.Root, "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(RepositoryFolder.Root, file).Replace('\\', '/'))
            .Where(file => !Regex.IsMatch(file, @"(^|/)(bin|obj|TestResults|[^/]*\.Artifacts)/"))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>All pages but those of rules, whose tests are in <see cref="DocumentationTests"/>.</summary>
    public static TheoryData<string> Pages => [.. Files.Where(file => !Regex.IsMatch(file, "/docs/KA[0-9]+"))];

    /// <summary>Those that have C#.</summary>
    public static TheoryData<string> PagesWithCode =>
        [.. Files.Where(file => !Regex.IsMatch(file, "/docs/KA[0-9]+") && Blocks(file, "csharp").Any())];

    /// <summary>Those that show what is emitted.</summary>
    public static TheoryData<string> PagesWithKernels =>
        [.. Files.Where(file => file.EndsWith("README.md", StringComparison.Ordinal) && Blocks(file, "c").Any())];

    [Theory]
    [MemberData(nameof(PagesWithCode))]
    public async Task Declarations_compile_without_a_finding(string page)
    {
        foreach (string declaration in Declarations(page).Concat(Programs(page).Select(program => program.Declarations)))
        {
            Assert.Empty(await Compile(declaration).AnalyzeAsync());
        }
    }

    [Theory]
    [MemberData(nameof(PagesWithCode))]
    public void Statements_compile(string page)
    {
        string[] statements = [.. Blocks(page, "csharp").Where(block => !IsDeclaration(block) && !IsProgram(block))];
        Compile(
            Program(
                string.Concat(Declarations(page)), string.Concat(statements),
                "Half[] queries, Half[] keys, Half[] values, Half[] outputs"));
        Assert.All(Programs(page), program => Compile(Program(program.Declarations, program.Statements, "")));
    }

    [Fact]
    public void The_pages_that_a_newcomer_reads_have_code() =>
        Assert.All(["README.md", Guide, "src/docs/package.md"], page => Assert.NotEmpty(Blocks(page, "csharp")));

    [Fact]
    public void The_packages_page_has_the_first_program() =>
        Assert.Equal(Blocks("README.md", "csharp").Where(IsProgram), Blocks("src/docs/package.md", "csharp").Where(IsProgram));

    [Fact]
    public void The_guide_has_every_option()
    {
        string options = string.Concat(Text(Guide).Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)));
        Assert.All(
            typeof(AttentionKernelAttribute).GetProperties().Where(property => property.DeclaringType == typeof(AttentionKernelAttribute)),
            option => Assert.Contains($"`{option.Name}`", options, StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [MemberData(nameof(PagesWithKernels))]
    public void Excerpts_are_of_the_kernel_that_is_emitted(string page)
    {
        using LoadedProgram program = Compile($$"""
            {{Declarations(Guide).First()}}
            /// <summary>Reads what was emitted.</summary>
            public static class Probe
            {
                /// <summary>The kernel.</summary>
                public static byte[] Kernel() => Llama3Attention.KernelSources.CpuPrefill.ToArray();
            }
            """).Load();
        string kernel = WithoutIndentation(Encoding.UTF8.GetString(program.Call<byte[]>("Probe", "Kernel")));
        Assert.All(Blocks(page, "c"), excerpt => Assert.Contains(WithoutIndentation(excerpt), kernel, StringComparison.Ordinal));
    }

    /// <summary>The square of YaRN's m(1) for a context stretched 40 times, over the root of 128 + 64.</summary>
    [Fact]
    public void DeepSeeks_scale_is_that_of_its_configuration()
    {
        string latent = Assert.Single(Declarations(Guide), declaration => declaration.Contains("LatentCache", StringComparison.Ordinal));
        double[] scales =
            [.. Regex.Matches(latent, @"Scale = ([\d.]+)")
                .Select(match => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.Equal(2, scales.Length);
        Assert.All(scales, scale => Assert.Equal(Math.Pow((0.1 * Math.Log(40)) + 1, 2) / Math.Sqrt(192), scale, 1e-15));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Links_lead_somewhere(string page) => Assert.Empty(
        from match in Regex.Matches(WithoutCode(page), @"\]\(([^()\s]*)\)")
        let link = match.Groups[1].Value.Split('#')
        where !link[0].Contains(':', StringComparison.Ordinal)
        let target = link[0].Length == 0 ? page : Path.GetRelativePath(RepositoryFolder.Root, Full(page, link[0])).Replace('\\', '/')
        let isThere = File.Exists(Full(target)) || Directory.Exists(Full(target))
        where !isThere || (link.Length > 1 && !Anchors(target).Contains(link[1]))
        select match.Value);

    private static string Full(string file) => Path.Combine(RepositoryFolder.Root, file);

    private static string Full(string page, string link) =>
        Path.GetFullPath(Path.Combine(RepositoryFolder.Root, Path.GetDirectoryName(page)!, link));

    private static string Text(string page) => File.ReadAllText(Full(page));

    private static IEnumerable<string> Blocks(string page, string language) =>
        Regex.Matches(Text(page), $"```{language}\n(.*?)```", RegexOptions.Singleline).Select(match => match.Groups[1].Value);

    private static bool IsProgram(string block) => block.StartsWith("using Kernels;", StringComparison.Ordinal);

    private static bool IsDeclaration(string block) => !IsProgram(block) && block.Contains("[AttentionKernel(", StringComparison.Ordinal);

    private static IEnumerable<string> Declarations(string page) => Blocks(page, "csharp").Where(IsDeclaration);

    private static IEnumerable<(string Statements, string Declarations)> Programs(string page) =>
        from block in Blocks(page, "csharp").Where(IsProgram)
        let text = Regex.Replace(block, @"^using [\w.]+;\n", "", RegexOptions.Multiline)
        let at = text.IndexOf("[AttentionKernel(", StringComparison.Ordinal)
        select (text[..at], text[at..]);

    private static string Program(string declarations, string statements, string parameters) => $$"""
        {{declarations}}
        internal static class Program
        {
            internal static void Run({{parameters}})
            {
                {{statements}}
            }
        }
        """;

    private static GeneratorRun Compile(string code) =>
        new UserProgram($"using System;\nusing System.Linq;\nusing Kernels;\nusing Kernels.Costs;\nusing Kernels.OpenCL;\n{code}").Run()
        .AssertClean();

    private static string WithoutCode(string page) => Regex.Replace(Text(page), "```.*?```", "", RegexOptions.Singleline);

    /// <summary>The anchors of a page's headings, as they are made of them on the web.</summary>
    private static HashSet<string> Anchors(string page) => page.EndsWith(".md", StringComparison.Ordinal)
        ? [.. Regex.Matches(WithoutCode(page), "^#+ (.*)$", RegexOptions.Multiline)
            .Select(match => Regex.Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-'))]
        : [];

    private static string WithoutIndentation(string text) => string.Join('\n', text.Split('\n').Select(line => line.TrimStart()));

}
