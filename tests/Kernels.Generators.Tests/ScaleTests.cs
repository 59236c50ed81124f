using System.Diagnostics;
using System.Globalization;
using System.Text;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using Xunit.Abstractions;

namespace Kernels.Generators.Tests;

/// <summary>That many specs in one program stay cheap. Limits are for the slowest of machines; the benchmarks measure.</summary>
public sealed class ScaleTests(ITestOutputHelper log)
{
    private const int Count = 100;

    [Fact]
    public void A_hundred_specs_and_an_unrelated_edit_among_them()
    {
        var source = new StringBuilder("using Kernels;\n");
        for (int i = 0; i < Count; i++)
        {
            source.Append(
                CultureInfo.InvariantCulture,
                $"[AttentionKernel({8 * (1 + (i % 4))}, {1 << (i % 4)}, {8 + i}, Mask = AttentionMask.Causal)] public partial class "
                    + $"Spec{i};\n");
        }

        var program = new UserProgram(source.ToString(), "internal static class Program { private static int Answer() => 0; }");
        GeneratorRun.Start(program.Compile());

        CSharpCompilation compilation = program.Compile();
        Stopwatch watch = Stopwatch.StartNew();
        GeneratorRun run = GeneratorRun.Start(compilation, tracksSteps: false);
        TimeSpan all = watch.Elapsed;
        Assert.Equal(3 * Count, run.Sources.Count);

        // The best of a few: the first edits also pay for code that has not run before.
        TimeSpan edit = TimeSpan.MaxValue;
        for (int i = 1; i <= 5; i++)
        {
            SyntaxTree other = run.Input.SyntaxTrees[1];
            CSharpCompilation edited = run.Input.ReplaceSyntaxTree(
                other, other.WithChangedText(SourceText.From($"internal static class Program {{ private static int Answer() => {i}; }}")));
            watch.Restart();
            run = run.Next(edited);
            edit = watch.Elapsed < edit ? watch.Elapsed : edit;
            Assert.Equal(3 * Count, run.Sources.Count);
        }

        log.WriteLine($"{Count} specs: {all.TotalMilliseconds:f0} ms; an unrelated edit: {edit.TotalMilliseconds:f1} ms.");
        Assert.InRange(all, TimeSpan.Zero, TimeSpan.FromSeconds(30));
        Assert.InRange(edit, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }
}
