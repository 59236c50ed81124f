using System.Collections.Immutable;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Xunit.Abstractions;

namespace Kernels.Generators.Tests;

/// <summary>Programs as they look while they are typed: whatever stands there, neither generator nor analyzer fails.</summary>
public sealed class BrokenProgramTests(ITestOutputHelper log)
{
    private const string Valid = """
        using Kernels;
        namespace Models.Small;
        public static partial class Outer
        {
            /// <summary>Documented.</summary>
            [AttentionKernel(queryHeads: 32, 8, headDim: 4 * 32, Mask = AttentionMask.Causal, ValueDim = 64,
                Scale = 0.125, Storage = ElementType.Float16, CacheStorage = ElementType.Int8, WindowLeft = -1, QueryTile = 16)]
            internal sealed partial class First : System.IDisposable
            {
                private readonly int mine = QueryHeads;
                public int Mine(int x) => x > 0 ? mine : HeadDim;
            }
        }
        [AttentionKernel(4, 2, 64)] [System.Obsolete("old")] partial class Second;
        """;

    [Fact]
    public void The_program_is_valid_before_it_is_broken()
    {
        GeneratorRun run = new UserProgram(Valid).Run();
        Assert.Equal(6, run.Sources.Count);
        Assert.DoesNotContain(run.CompilerDiagnostics, diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    [Fact]
    public async Task Cut_off_after_every_character()
    {
        (int emitted, _) = await Survive(Enumerable.Range(0, Valid.Length).Select(length => Valid[..length]));
        Assert.NotEqual(0, emitted);
    }

    [Fact]
    public Task Without_any_one_token() =>
        SurviveWithFindings(Tokens().Select(token => Valid.Remove(token.Start, token.Length)));

    [Fact]
    public Task With_any_one_token_twice() =>
        SurviveWithFindings(Tokens().Select(token => Valid.Insert(token.End, " " + Valid.Substring(token.Start, token.Length))));

    [Fact]
    public Task With_any_two_neighbours_swapped() =>
        SurviveWithFindings(Tokens().Zip(Tokens().Skip(1)).Select(pair =>
            Valid[..pair.First.Start] + Valid[pair.Second.Start..pair.Second.End] + Valid[pair.First.End..pair.Second.Start]
            + Valid[pair.First.Start..pair.First.End] + Valid[pair.Second.End..]));

    [Theory]
    [InlineData("null")]
    [InlineData("class")]
    [InlineData("]")]
    public Task With_any_one_token_replaced(string other) =>
        SurviveWithFindings(Tokens().Select(token => Valid.Remove(token.Start, token.Length).Insert(token.Start, other)));

    [Fact]
    public Task Odd_programs() => SurviveWithFindings(
    [
        "[Kernels.AttentionKernel",
        "[Kernels.AttentionKernel(8, 2, 64)]",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class { } [Kernels.AttentionKernel(8, 2, 64)] partial class { }",
        "partial class { [Kernels.AttentionKernel(8, 2, 64)] partial class A; }",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A; [Kernels.AttentionKernel(8, 2, 64)] class A;",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A; [Kernels.AttentionKernel(8, 2, 64)] partial struct A;",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A; [Kernels.AttentionKernel(8, 2, 64)] partial record A;",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A : A;",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A : B; [Kernels.AttentionKernel(8, 2, 64)] partial class B : A;",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A : Unknown;",
        "[Kernels.AttentionKernel(8, 2, 64)] partial class A : A.Nested { class Nested; }",
        "namespace A { [Kernels.AttentionKernel(8, 2, 64)] partial class B; } namespace A.B { [Kernels.AttentionKernel(8, 2, 64)] partial "
            + "class C; }",
        "namespace A.B { [Kernels.AttentionKernel(8, 2, 64)] partial class C; } namespace A { partial class B { "
            + "[Kernels.AttentionKernel(8, 2, 64)] partial class C; } }",
        "[Kernels.AttentionKernel(8, 2, 64)] enum A; [Kernels.AttentionKernel(8, 2, 64)] delegate void B(); [assembly: "
            + "Kernels.AttentionKernel(8, 2, 64)]",
        "class A { [Kernels.AttentionKernel(8, 2, 64)] void M() { [Kernels.AttentionKernel(8, 2, 64)] partial class L; } }",
        "[Kernels.AttentionKernel(8, 2, int.MinValue, ValueDim = int.MinValue, WindowLeft = int.MinValue, QueryTile = int.MinValue, "
            + "KeyTile = int.MinValue, PageSize = int.MinValue)] partial class A;",
        "[Kernels.AttentionKernel(int.MaxValue, int.MaxValue, int.MaxValue, ValueDim = int.MaxValue, QueryTile = int.MaxValue, KeyTile = "
            + "1 << 30, PageSize = int.MaxValue)] partial class A;",
        "[Kernels.AttentionKernel(1024, 1023, 64, Scale = double.Epsilon, Softcap = double.MaxValue)] partial class A;",
        "[Kernels.AttentionKernel(A.X, A.X, A.X)] partial class A { public const int X = QueryHeads; }",
        "[Kernels.AttentionKernel(A.QueryHeads, 2, 64)] partial class A;",
        "namespace Kernels { class AttentionKernelAttribute(params object[] all) : System.Attribute { public string? Mask; } } "
            + "[Kernels.AttentionKernel(8, 2, 64, \"x\", null, Mask = \"y\")] partial class A;",
        "namespace Kernels { class AttentionKernelAttribute(string a, string b, string c) : System.Attribute; } "
            + "[Kernels.AttentionKernel(null, null, null)] partial class A;",
        "#if X\n[Kernels.AttentionKernel(8, 2, 64)]\n#endif\npartial class A;",
        "\0[Kernels.AttentionKernel(8, 2, 64)] partial class A\u200B;",
    ]);

    private async Task SurviveWithFindings(IEnumerable<string> programs)
    {
        (int emitted, int findings) = await Survive(programs);
        Assert.NotEqual(0, emitted);
        Assert.NotEqual(0, findings);
    }

    /// <summary>Runs generator and analyzer on one program after the other, as an editor does it.</summary>
    private async Task<(int Emitted, int Findings)> Survive(IEnumerable<string> programs)
    {
        GeneratorRun run = GeneratorRun.Start(new UserProgram(Valid).Compile(), tracksSteps: false);
        int count = 0, emitted = 0, findings = 0;
        foreach (string program in programs)
        {
            SyntaxTree tree = run.Input.SyntaxTrees[0];
            run = run.Next(run.Input.ReplaceSyntaxTree(tree, tree.WithChangedText(SourceText.From(program))));
            Assert.True(run.Result.Exception is null, $"{run.Result.Exception}\n\n{program}");
            Assert.Empty(run.Result.Diagnostics);

            var failures = new List<Exception>();
            ImmutableArray<Diagnostic> diagnostics = await run.Output
                .WithAnalyzers(Analyzers.All, new CompilationWithAnalyzersOptions(
                    new AnalyzerOptions([]), (failure, _, _) => failures.Add(failure), concurrentAnalysis: false,
                    logAnalyzerExecutionTime: false))
                .GetAnalyzerDiagnosticsAsync();
            Assert.True(failures.Count == 0, $"{failures.FirstOrDefault()}\n\n{program}");
            Assert.True(
                diagnostics.All(diagnostic => diagnostic.Id.StartsWith("KA", StringComparison.Ordinal)),
                $"{string.Join(", ", diagnostics)}\n\n{program}");

            // What is emitted parses, however broken the rest is.
            foreach ((string file, string text) in run.Sources)
            {
                Assert.True(
                    !CSharpSyntaxTree.ParseText(text, (CSharpParseOptions)tree.Options).GetDiagnostics().Any(),
                    $"{file} does not parse.\n\n{program}");
            }

            // What was kept from the programs before makes no difference.
            if (count++ % 10 == 0)
            {
                Assert.Equal(GeneratorRun.Start(run.Input, tracksSteps: false).Sources, run.Sources);
            }

            emitted += run.Sources.Count;
            findings += diagnostics.Length;
        }

        log.WriteLine($"{count} programs, {emitted} files emitted, {findings} findings.");
        return (emitted, findings);
    }

    private static IEnumerable<TextSpan> Tokens() =>
        CSharpSyntaxTree.ParseText(Valid).GetRoot().DescendantTokens().Select(token => token.Span).Where(span => span.Length > 0);
}
