using Kernels.Generators;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Kernels.Mods.Tests;

/// <summary>What is generated again after an edit in and around mods: their meaning counts, not their text.</summary>
public sealed class IncrementalityTests
{
    private const string Spec = """
        using System;
        using Kernels;

        [AttentionKernel(8, 2, 64)]
        public sealed partial class Spec
        {
            [ScoreMod] static float Mod(float score, int batch, int head, int query, int key, ReadOnlySpan<float> slopes) =>
                score - Slope(head, slopes) * Math.Abs(query - key);

            static int Unrelated() => 1;
        }
        """;

    // The helper is in another part of the type, in another file.
    private const string Helper = """
        using System;

        public sealed partial class Spec
        {
            static float Slope(int head, ReadOnlySpan<float> slopes) => slopes[head] * Factor;

            const float Factor = 2f;
        }
        """;

    private const string Other = "internal static class Program { private static int Answer() => 42; }";

    private static readonly string[] Steps =
    [
        AttentionKernelGenerator.ParseStep, AttentionKernelGenerator.ModelStep, AttentionKernelGenerator.FileNamesStep,
        AttentionKernelGenerator.NamedModelStep, AttentionKernelGenerator.RuntimeStep,
    ];

    [Theory]
    [InlineData(2, "42", "43")]
    [InlineData(2, "42;", "42 +")]
    [InlineData(0, "static int Unrelated() => 1;", "static int Unrelated() => 2;")]
    [InlineData(0, "static int Unrelated() => 1;", "static double Unrelated() => Math.Sqrt(DateTime.Now.Ticks);")]
    [InlineData(0, "score - Slope", "score\n            // a comment\n            - Slope")]
    [InlineData(0, "slopes) * Math.Abs(query - key)", "slopes: slopes) * (Math.Abs(query - key))")]
    [InlineData(1, "const float Factor = 2f;", "const float Factor = 1f + 1f;")]
    public void An_edit_that_leaves_the_mods_as_they_were_changes_nothing(int file, string before, string after)
    {
        GeneratorRun run = Edit(file, before, after);
        Assert.All(
            run.Result.TrackedSteps.Where(step => Steps.Contains(step.Key)).SelectMany(step => step.Value)
                .SelectMany(found => found.Outputs),
            output => Assert.True(
                output.Reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, output.Reason.ToString()));
        Assert.Equal(2, OutputReasons(run).Length);
        Assert.All(OutputReasons(run), reason => Assert.Equal(IncrementalStepRunReason.Cached, reason));
    }

    [Theory]
    [InlineData(0, "score - Slope", "score + Slope")]
    [InlineData(0, "ReadOnlySpan<float> slopes) =>", "ReadOnlySpan<float> slopes, float bias) =>")]
    [InlineData(1, "slopes[head] *", "slopes[head + 1] *")]
    [InlineData(1, "Factor = 2f", "Factor = 3f")]
    public void An_edit_of_a_mod_or_of_what_it_calls_is_seen(int file, string before, string after)
    {
        GeneratorRun run = Edit(file, before, after);
        foreach (string step in new[] { AttentionKernelGenerator.ParseStep, AttentionKernelGenerator.ModelStep,
            AttentionKernelGenerator.NamedModelStep })
        {
            Assert.Equal(IncrementalStepRunReason.Modified, run.Result.TrackedSteps[step].Single().Outputs.Single().Reason);
        }

        Assert.All(OutputReasons(run), reason => Assert.Equal(IncrementalStepRunReason.Modified, reason));
    }

    [Fact]
    public void Breaking_a_helper_leaves_signatures_and_mending_it_brings_the_same_back()
    {
        GeneratorRun broken = Edit(1, "slopes[head] *", "slopes[^1] *");
        Assert.Contains(broken.Sources.Values, text => text.Contains("has errors in its spec", StringComparison.Ordinal));
        GeneratorRun mended = Edit(broken, 1, "slopes[^1] *", "slopes[head] *");
        Assert.Equal(new UserProgram(Spec, Helper, Other).Run().Sources, mended.Sources);
    }

    private static GeneratorRun Edit(int file, string before, string after) =>
        Edit(new UserProgram(Spec, Helper, Other).Run().AssertClean(), file, before, after);

    private static GeneratorRun Edit(GeneratorRun run, int file, string before, string after)
    {
        SyntaxTree tree = run.Input.SyntaxTrees[file];
        string text = tree.ToString();
        Assert.Contains(before, text, StringComparison.Ordinal);
        return run.Next(
            run.Input.ReplaceSyntaxTree(
                tree, tree.WithChangedText(SourceText.From(text.Replace(before, after, StringComparison.Ordinal)))));
    }

    private static IncrementalStepRunReason[] OutputReasons(GeneratorRun run) =>
        [.. run.Result.TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(found => found.Outputs)
            .Select(output => output.Reason)];
}
