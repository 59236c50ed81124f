using System.Collections.Immutable;
using Kernels.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Kernels.Generators.Tests;

/// <summary>What the generator does again after an edit: no more than the edit calls for.</summary>
public sealed class IncrementalityTests
{
    private const string First = """
        using Kernels;

        // A comment.
        [AttentionKernel(8, 8, 64)]
        public partial class First;
        """;

    private const string Second = """
        using Kernels;

        [AttentionKernel(32, 8, 128, Storage = ElementType.Float16)]
        public partial class Second;
        """;

    private const string Other = """
        internal static class Program
        {
            private static int Answer() => 42;
        }
        """;

    private static readonly string[] Steps =
    [
        AttentionKernelGenerator.ParseStep, AttentionKernelGenerator.ModelStep, AttentionKernelGenerator.FileNamesStep,
        AttentionKernelGenerator.NamedModelStep, AttentionKernelGenerator.RuntimeStep,
    ];

    [Fact]
    public void Every_step_runs_at_first()
    {
        GeneratorRun run = new UserProgram(First, Second, Other).Run();
        Assert.Equal(Steps.Order(), run.Result.TrackedSteps.Keys.Where(Steps.Contains).Order());
        Assert.All(Reasons(run), step => Assert.Equal(IncrementalStepRunReason.New, step.Reason));
        Assert.Equal(6, run.Sources.Count);
    }

    [Theory]
    [InlineData("42", "43")]
    [InlineData("42;", "42 +")]
    [InlineData("internal static class Program", "internal static partial class Program")]
    [InlineData("private static int Answer() => 42;", "public class Nested { [System.Obsolete] public int Field; }")]
    public void An_unrelated_edit_changes_nothing(string before, string after) => AssertAllCached(Edit(2, before, after));

    [Fact]
    public void A_new_file_without_a_spec_changes_nothing()
    {
        GeneratorRun run = new UserProgram(First, Second).Run();
        AssertAllCached(
            run.Next(run.Input.AddSyntaxTrees(CSharpSyntaxTree.ParseText(Other, (CSharpParseOptions)run.Input.SyntaxTrees[0].Options))));
    }

    [Theory]
    [InlineData("// A comment.", "// Another comment, which is\n// longer.")]
    [InlineData("public partial class First;", "/// <summary>Documented.</summary>\npublic partial class First { private int mine; }")]
    [InlineData("AttentionKernel(8, 8, 64)", "AttentionKernel(headDim: 0x40, kvHeads: 4 + 4, queryHeads: 8)")]
    [InlineData("using Kernels;", "using Kernels;\nusing System;")]
    public void An_edit_of_the_specs_file_that_means_the_same_leaves_the_outputs_cached(string before, string after) =>
        AssertAllCached(Edit(0, before, after));

    [Theory]
    [InlineData("8, 8, 64", "8, 8, 80")]
    [InlineData("8, 8, 64", "8, 8, 64, Mask = AttentionMask.Causal")]
    [InlineData("class First", "class Renamed")]
    public void An_edit_of_one_spec_modifies_only_that_one(string before, string after)
    {
        GeneratorRun run = Edit(0, before, after);

        // Items come in the order of the files: the edited one, then the one that is left alone.
        foreach (string step in new[] { AttentionKernelGenerator.ParseStep, AttentionKernelGenerator.ModelStep,
            AttentionKernelGenerator.NamedModelStep })
        {
            ImmutableArray<(object Value, IncrementalStepRunReason Reason)> outputs =
                [.. run.Result.TrackedSteps[step].SelectMany(found => found.Outputs)];
            Assert.Equal(2, outputs.Length);
            Assert.Equal(IncrementalStepRunReason.Modified, outputs[0].Reason);
            AssertCached(step, outputs[1].Reason);
        }

        AssertCached(AttentionKernelGenerator.RuntimeStep, Reason(run, AttentionKernelGenerator.RuntimeStep));
        AssertCached(AttentionKernelGenerator.FileNamesStep, Reason(run, AttentionKernelGenerator.FileNamesStep));
        Assert.Equal(
            [IncrementalStepRunReason.Modified, IncrementalStepRunReason.Modified, IncrementalStepRunReason.Cached,
                IncrementalStepRunReason.Cached],
            OutputReasons(run).Order());
    }

    [Fact]
    public void Breaking_a_spec_changes_its_files_and_no_others()
    {
        GeneratorRun run = Edit(0, "8, 8, 64", "8, 3, 64");
        Assert.Equal(
            ["First.Bindings.g.cs", "First.Kernels.g.cs", "First.Spec.g.cs", "Second.Bindings.g.cs", "Second.Kernels.g.cs",
                "Second.Spec.g.cs"],
            run.Sources.Keys);
        Assert.Equal(2, OutputReasons(run).Count(reason => reason == IncrementalStepRunReason.Cached));
        Assert.Equal(2, OutputReasons(run).Count(reason => reason == IncrementalStepRunReason.Modified));
    }

    [Fact]
    public void Losing_the_runtime_takes_the_bindings_away_and_leaves_the_rest()
    {
        GeneratorRun run = new UserProgram(First, Second, Other).Run();
        run = run.Next(run.Input.WithReferences(References.For(contract: true, runtime: false)));
        Assert.Equal(["First.Kernels.g.cs", "First.Spec.g.cs", "Second.Kernels.g.cs", "Second.Spec.g.cs"], run.Sources.Keys);
        Assert.Equal(IncrementalStepRunReason.Modified, Reason(run, AttentionKernelGenerator.RuntimeStep));
        Assert.Equal(2, OutputReasons(run).Count(reason => reason == IncrementalStepRunReason.Cached));
    }

    private static GeneratorRun Edit(int file, string before, string after)
    {
        GeneratorRun run = new UserProgram(First, Second, Other).Run();
        SyntaxTree tree = run.Input.SyntaxTrees[file];
        string text = tree.ToString();
        Assert.Contains(before, text, StringComparison.Ordinal);
        return run.Next(run.Input.ReplaceSyntaxTree(tree, tree.WithChangedText(
            Microsoft.CodeAnalysis.Text.SourceText.From(text.Replace(before, after, StringComparison.Ordinal)))));
    }

    private static void AssertAllCached(GeneratorRun run)
    {
        Assert.Equal(Steps.Order(), run.Result.TrackedSteps.Keys.Where(Steps.Contains).Order());
        Assert.All(Reasons(run), step => AssertCached(step.Name, step.Reason));
        Assert.Equal(4, OutputReasons(run).Count());
        Assert.All(OutputReasons(run), reason => Assert.Equal(IncrementalStepRunReason.Cached, reason));
        Assert.Equal(6, run.Sources.Count);
    }

    private static void AssertCached(string step, IncrementalStepRunReason reason) =>
        Assert.True(reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, $"{step} was {reason}.");

    private static IncrementalStepRunReason Reason(GeneratorRun run, string step) =>
        run.Result.TrackedSteps[step].SelectMany(found => found.Outputs).Single().Reason;

    private static IEnumerable<(string Name, IncrementalStepRunReason Reason)> Reasons(GeneratorRun run) =>
        from step in run.Result.TrackedSteps
        where Steps.Contains(step.Key)
        from found in step.Value
        from output in found.Outputs
        select (step.Key, output.Reason);

    private static IEnumerable<IncrementalStepRunReason> OutputReasons(GeneratorRun run) =>
        from step in run.Result.TrackedOutputSteps
        from found in step.Value
        from output in found.Outputs
        select output.Reason;
}
