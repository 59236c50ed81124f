using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>A value of a query row that is calculated once, before any key is read.</summary>
/// <param name="Type">Its type in the lane vocabulary.</param>
/// <param name="Name">Its name in <c>Row</c>.</param>
/// <param name="Expression">On <c>row</c>'s query and head, and <c>r</c>, the row's index in its sequence.</param>
/// <param name="Inputs">The kernel's inputs that the expression names.</param>
internal sealed record RowValue(string Type, string Name, string Expression, IReadOnlyList<KernelInput> Inputs)
{
    /// <summary>Whether it has 64 bits a lane, where <c>Row</c>'s other members have 32.</summary>
    public bool IsWide => Type == "lanes_long";
}

/// <summary>One change to a score between scale·(q·k) and the mask.</summary>
/// <param name="DisplayName">What the step is called in comments.</param>
/// <param name="Statements">
/// Statements in the lane vocabulary that change <c>score</c>, which <c>row</c>'s query and <c>key</c> have.
/// </param>
internal sealed record ScoreStep(string DisplayName, string Statements)
{
    /// <summary>The kernel's inputs that <see cref="Statements"/> name.</summary>
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
        string call = $"score_mod(score, row.batch, row.head, max(row.query, (lanes_int)(0)), key{KernelInput.Arguments(inputs)})";
        return mod is null ? [] : [new ScoreStep("score mod", $"score = {call};") { Inputs = inputs }];
    }
}
