using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>One change to a score between scale·(q·k) and the mask.</summary>
/// <param name="DisplayName">What the step is called in comments.</param>
/// <param name="Template">
/// The template of statements in the lane vocabulary that change <c>score</c>, which <c>row</c>'s query and <c>key</c> have.
/// </param>
internal sealed record ScoreStep(string DisplayName, string Template)
{
    /// <summary>What the template speaks of as <c>${step.name}</c>.</summary>
    public Holes Holes { get; init; } = [];

    /// <summary>What the statements, or the expression of <see cref="RowValue"/>, ask of the row.</summary>
    public RowMembers Asks { get; init; }

    /// <summary>The kernel's inputs that the statements name.</summary>
    public IReadOnlyList<KernelInput> Inputs { get; init; } = [];

    /// <summary>A value that depends on the row only, or null.</summary>
    public RowValue? RowValue { get; init; }

    /// <summary>The steps of a spec, in the order that the semantics fix.</summary>
    public static IReadOnlyList<ScoreStep> Of(AttentionSpec spec) =>
    [
        .. OfOptions(spec.Shape, beforeMod: true), .. OfMod(spec.ScoreMod), .. OfOptions(spec.Shape, beforeMod: false),
    ];

    private static IEnumerable<ScoreStep> OfOptions(AttentionShape shape, bool beforeMod) =>
        AttentionOption.Of(shape)
            .Where(option => option.StepsBeforeMod == beforeMod)
            .Select(option => option.Step(shape))
            .OfType<ScoreStep>();

    private static ScoreStep[] OfMod(ModFunction? mod)
    {
        KernelInput[] inputs = mod is null ? [] : [.. mod.Inputs.Select(KernelInput.Of)];
        return mod is null ? [] :
        [
            new ScoreStep("score mod", "Scores/score_mod")
            {
                Holes = new() { { "arguments", KernelInput.Arguments(inputs) } },
                Asks = RowMembers.Head | RowMembers.Batch,
                Inputs = inputs,
            },
        ];
    }
}
