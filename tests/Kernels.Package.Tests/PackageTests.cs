using System.IO.Compression;
using System.Text.RegularExpressions;

namespace Kernels.Package.Tests;

/// <summary>What a user gets who references the packages.</summary>
[Trait("Category", "Package")]
public sealed class PackageTests(PackedKernels packages) : IClassFixture<PackedKernels>
{
    [Fact]
    public void Kernels_carries_library_generator_fixes_and_a_page_for_each_rule()
    {
        string[] files = Files("Kernels");
        Assert.Contains("lib/net10.0/Kernels.dll", files);
        Assert.Contains("lib/net10.0/Kernels.xml", files);
        Assert.Equal(
            ["analyzers/dotnet/cs/Kernels.CodeFixes.dll", "analyzers/dotnet/cs/Kernels.Generators.dll"],
            files.Where(file => file.StartsWith("analyzers/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Contains("buildTransitive/Kernels.props", files);
        Assert.Contains("buildTransitive/Kernels.targets", files);
        Assert.Contains("docs/README.md", files);
        Assert.Contains("docs/KA0001.md", files);
        Assert.Contains("docs/KA0103.md", files);
    }

    [Theory]
    [InlineData("Kernels")]
    [InlineData("Kernels.OpenCL")]
    public void A_package_tells_of_itself(string package)
    {
        string manifest = Manifest(package);
        Assert.Contains("<license type=\"expression\">MIT</license>", manifest, StringComparison.Ordinal);
        Assert.Contains("<readme>README.md</readme>", manifest, StringComparison.Ordinal);
        Assert.Contains("<icon>icon.png</icon>", manifest, StringComparison.Ordinal);
        Assert.Matches("<description>[^<]{40,}</description>", manifest);
        Assert.Matches("<tags>[^<]*attention[^<]*</tags>", manifest);
        Assert.Contains($"<repository type=\"git\" url=\"{PackedKernels.RepositoryUrl}\"", manifest, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(PackedKernels.Repository(), "src/docs/package.md")), Content(package, "README.md"));
        Assert.InRange(Size(package, "icon.png"), 1, 20_000);
    }

    [Theory]
    [InlineData("Kernels")]
    [InlineData("Kernels.OpenCL")]
    public void No_path_of_the_machine_is_in_a_library(string package)
    {
        string library = Content(package, $"lib/net10.0/{package}.dll");
        Assert.DoesNotContain(PackedKernels.Repository(), library, StringComparison.Ordinal);
        Assert.DoesNotContain(packages.Feed, library, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_first_program_of_the_page_gives_what_it_says()
    {
        string program = Regex.Match(Content("Kernels", "README.md"), "```csharp\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;
        string folder = packages.CreateProject(
            "First", "Kernels.OpenCL", program, properties: "<GenerateDocumentationFile>false</GenerateDocumentationFile>");
        await DotNet.SucceedAsync(folder, "build", "--verbosity", "quiet");
        CommandResult result = await DotNet.RunAsync(folder, Path.Combine("bin", "Debug", "net10.0", "First.dll"));
        Skip.If(result.Output.Contains("NoDeviceException", StringComparison.Ordinal), "This machine has no OpenCL device.");
        Assert.True(result.ExitCode == 0, result.Output);
        Assert.StartsWith("0 0.5 1 by ", result.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Three_lines_write_text_with_a_checkpoint()
    {
        string checkpoint = Path.Combine(PackedKernels.Repository(), "examples/Decoders/checkpoints/stories-gqa");
        string folder = packages.CreateProject("Writes", "Kernels.Decoding", $$"""
            using var model = Kernels.Decoding.LanguageModel.Load(@"{{checkpoint}}");
            await foreach (string piece in model.GenerateAsync("One morning Mia", new() { MaxTokens = 12, Sampling = new() }))
                Console.Write(piece);
            """, properties: "<GenerateDocumentationFile>false</GenerateDocumentationFile>");
        await DotNet.SucceedAsync(folder, "build", "--verbosity", "quiet");
        CommandResult result = await DotNet.RunAsync(folder, Path.Combine("bin", "Debug", "net10.0", "Writes.dll"));
        Skip.If(result.Output.Contains("NoDeviceException", StringComparison.Ordinal), "This machine has no OpenCL device.");
        Assert.True(result.ExitCode == 0, result.Output);
        Assert.StartsWith(" skipped to the cellar with a small dog.", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Kernels_depends_on_nothing_and_OpenCL_hands_the_generator_on()
    {
        Assert.DoesNotContain("<dependency ", Manifest("Kernels"), StringComparison.Ordinal);
        Assert.Contains(
            $"<dependency id=\"Kernels\" version=\"{PackedKernels.Version}\" include=\"All\" />", Manifest("Kernels.OpenCL"),
            StringComparison.Ordinal);
        Assert.DoesNotContain(Files("Kernels.OpenCL"), file => file.StartsWith("analyzers/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_program_that_references_the_runtime_gets_its_attention_generated()
    {
        string folder = packages.CreateProject("Consumer", "Kernels.OpenCL", """
            using Kernels;
            using Kernels.OpenCL;

            Console.WriteLine(LlamaAttention.CacheBytesPerToken);
            Console.WriteLine(LlamaAttention.CacheLayout.KeyOffset(sequence: 1, kvHead: 2, token: 3, dim: 4, capacity: 16));
            Console.WriteLine(LlamaAttention.KernelSources.Get(KernelTarget.Portable, KernelAlgorithm.Prefill).Length > 0);
            Console.WriteLine(typeof(IAttention<LlamaAttention, Half>).IsAssignableFrom(typeof(LlamaAttention)));

            /// <summary>The heads of an 8 B Llama.</summary>
            [AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128, Mask = AttentionMask.Causal, Storage = ElementType.Float16)]
            public sealed partial class LlamaAttention;
            """);
        await DotNet.SucceedAsync(folder, "build", "--verbosity", "quiet");
        string output = await DotNet.SucceedAsync(folder, Path.Combine("bin", "Debug", "net10.0", "Consumer.dll"));
        Assert.Equal(
            ["4096", "20868", "True", "True"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public async Task A_wrong_spec_does_not_compile()
    {
        string folder = packages.CreateProject("Wrong", "Kernels", """
            Console.WriteLine();

            /// <summary>Heads that cannot be shared out.</summary>
            [Kernels.AttentionKernel(queryHeads: 32, kvHeads: 6, headDim: 128)]
            public sealed partial class WrongAttention;
            """);
        CommandResult result = await DotNet.RunAsync(folder, "build", "--verbosity", "quiet");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(
            "Program.cs(4,42): error KA0103: 32 query heads cannot be shared out over 6 KV heads; kvHeads must divide queryHeads, for "
                + "example 4 or 8",
            result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_build_without_analyzers_does_not_pass_over_a_wrong_spec()
    {
        string folder = packages.CreateProject("Hasty", "Kernels.OpenCL", """
            System.Console.WriteLine(WrongAttention.QueryHeads);

            /// <summary>Heads that cannot be shared out.</summary>
            [Kernels.AttentionKernel(queryHeads: 32, kvHeads: 6, headDim: 128)]
            public sealed partial class WrongAttention;
            """);
        CommandResult result = await DotNet.RunAsync(folder, "build", "--verbosity", "quiet", "-property:RunAnalyzers=false");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(
            "error CS1029: #error: 'WrongAttention has errors in its spec; a build with RunAnalyzers on, and without SuppressMessage, "
                + "tells which'", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_references_Kernels_alone_is_told_of_the_runtime()
    {
        string folder = packages.CreateProject("Alone", "Kernels", """
            System.Console.WriteLine(LlamaAttention.QueryHeads);

            /// <summary>The heads of an 8 B Llama.</summary>
            [Kernels.AttentionKernel(queryHeads: 32, kvHeads: 8, headDim: 128)]
            public sealed partial class LlamaAttention;
            """, properties: "<WarningsNotAsErrors>KA0009</WarningsNotAsErrors>");
        Assert.Contains(
            "warning KA0009: LlamaAttention gets its numbers and kernel sources only", await DotNet.SucceedAsync(
                folder, "build", "--verbosity", "quiet"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vb", """
        Imports Kernels
        <AttentionKernel(8, 2, 64)>
        Public Class Attention
        End Class
        Module Program
            Sub Main()
            End Sub
        End Module
        """)]
    [InlineData("fs", """
        open Kernels
        [<AttentionKernel(8, 2, 64)>]
        type Attention() = class end
        [<EntryPoint>]
        let main _ = 0
        """)]
    public async Task Other_languages_are_told_that_nothing_is_generated(string extension, string program)
    {
        string folder = packages.CreateProject("Language_" + extension, "Kernels.OpenCL", program, extension, extension == "vb"
            ? "<TreatWarningsAsErrors>false</TreatWarningsAsErrors><Nullable></Nullable>"
            : "<TreatWarningsAsErrors>false</TreatWarningsAsErrors><WarningLevel>4</WarningLevel></PropertyGroup><ItemGroup><Compile "
                + "Include=\"Program.fs\" /></ItemGroup><PropertyGroup>");
        string output = await DotNet.SucceedAsync(folder, "build", "--verbosity", "quiet");
        Assert.Contains("warning KA0010: [AttentionKernel] does nothing in this language", output, StringComparison.Ordinal);
    }

    private string[] Files(string package)
    {
        using ZipArchive archive = Open(package);
        return [.. archive.Entries.Select(entry => entry.FullName)];
    }

    private string Manifest(string package) => Content(package, package + ".nuspec");

    private string Content(string package, string file)
    {
        using ZipArchive archive = Open(package);
        using var reader = new StreamReader(archive.GetEntry(file)!.Open());
        return reader.ReadToEnd();
    }

    private long Size(string package, string file)
    {
        using ZipArchive archive = Open(package);
        return archive.GetEntry(file)!.Length;
    }

    private ZipArchive Open(string package) => ZipFile.OpenRead(Path.Combine(packages.Feed, $"{package}.{PackedKernels.Version}.nupkg"));
}
