extern alias generator;

using BenchmarkDotNet.Attributes;
using generator::Kernels.Generators;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Benchmarks;

/// <summary>
/// A compilation with 100 specs, a file each: generated from nothing, and again after an edit that has nothing to do with them.
/// </summary>
[MemoryDiagnoser]
public class GeneratorBenchmarks
{
    private const int Specs = 100;

    private CSharpCompilation compilation = null!;
    private CSharpCompilation edited = null!;
    private GeneratorDriver driver = null!;
    private bool isEdited;

    [GlobalSetup]
    public void Setup()
    {
        IEnumerable<string> platform = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal));
        string[] own = [typeof(AttentionKernelAttribute).Assembly.Location, typeof(OpenCL.ComputeDevice).Assembly.Location];
        var unrelated = CSharpSyntaxTree.ParseText("class Unrelated { int Answer() => 1; }", path: "Unrelated.cs");
        compilation = CSharpCompilation.Create(
            "Specs",
            Enumerable.Range(0, Specs).Select(Spec).Append(unrelated),
            platform.Concat(own).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        edited = compilation.ReplaceSyntaxTree(
            unrelated, CSharpSyntaxTree.ParseText("class Unrelated { int Answer() => 2; }", path: "Unrelated.cs"));
        driver = Create().RunGenerators(compilation);
        GeneratorDriverRunResult result = driver.GetRunResult();
        if (result.GeneratedTrees.Length != 3 * Specs)
        {
            throw new InvalidOperationException($"Expected three files for each of {Specs} specs, got {result.GeneratedTrees.Length}.");
        }
    }

    [Benchmark]
    public GeneratorDriver HundredSpecs() => Create().RunGenerators(compilation);

    [Benchmark]
    public GeneratorDriver UnrelatedEdit()
    {
        isEdited = !isEdited;
        return driver = driver.RunGenerators(isEdited ? edited : compilation);
    }

    private static GeneratorDriver Create() => CSharpGeneratorDriver.Create(new AttentionKernelGenerator());

    private static SyntaxTree Spec(int i)
    {
        // Heads, dimensions and storage of many kinds, so that no two specs have the same kernels.
        int kvHeads = 1 + (i % 4);
        string storage = new[] { "Float32", "Float16", "BFloat16" }[i % 3];
        return CSharpSyntaxTree.ParseText(
            $"""
            using Kernels;
            namespace Specs;
            [AttentionKernel(queryHeads: {kvHeads * (1 + (i % 8))}, kvHeads: {kvHeads}, headDim: {16 * (2 + (i % 14))}, Mask = AttentionMask.Causal, Storage = ElementType.{storage})]
            public sealed partial class Spec{i};
            """,
            path: $"Spec{i}.cs");
    }
}
