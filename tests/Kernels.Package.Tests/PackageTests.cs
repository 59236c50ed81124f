using System.IO.Compression;

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
        Assert.Contains("docs/README.md", files);
        Assert.Contains("docs/KA0001.md", files);
        Assert.Contains("docs/KA0103.md", files);
    }

    [Fact]
    public void Kernels_depends_on_nothing_and_OpenCL_hands_the_generator_on()
    {
        Assert.DoesNotContain("<dependency ", Manifest("Kernels"), StringComparison.Ordinal);
        Assert.Contains($"<dependency id=\"Kernels\" version=\"{PackedKernels.Version}\" include=\"All\" />", Manifest("Kernels.OpenCL"), StringComparison.Ordinal);
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
        Assert.Equal(["4096", "20868", "True", "True"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
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
            "Program.cs(4,42): error KA0103: 32 query heads cannot be shared out over 6 KV heads; kvHeads must divide queryHeads, for example 4 or 8",
            result.Output, StringComparison.Ordinal);
    }

    private string[] Files(string package)
    {
        using ZipArchive archive = Open(package);
        return [.. archive.Entries.Select(entry => entry.FullName)];
    }

    private string Manifest(string package)
    {
        using ZipArchive archive = Open(package);
        using var reader = new StreamReader(archive.GetEntry(package + ".nuspec")!.Open());
        return reader.ReadToEnd();
    }

    private ZipArchive Open(string package) => ZipFile.OpenRead(Path.Combine(packages.Feed, $"{package}.{PackedKernels.Version}.nupkg"));
}
