using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>One change to a score between scale·(q·k) and the mask.</summary>
internal abstract class ScoreStep
{
    /// <summary>What the step is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>Statements in the lane vocabulary that change <c>score</c>, which <c>row</c>'s query and <c>key</c> have.</summary>
    public abstract string Statements { get; }

    /// <summary>A value that depends on the row only and is calculated once: name and expression on <c>row.head</c>, or null.</summary>
    public virtual (string Name, string Expression)? RowValue => null;

    /// <summary>The steps of a spec, in the order that the semantics fix.</summary>
    public static IReadOnlyList<ScoreStep> Of(AttentionSpec spec)
    {
        var steps = new List<ScoreStep>();
        if (spec.Softcap > 0)
        {
            steps.Add(new SoftcapStep(spec.Softcap));
        }

        if (spec.ScoreMod is not null)
        {
            steps.Add(new ScoreModStep(spec.ScoreMod));
        }

        if (spec.Alibi)
        {
            steps.Add(new AlibiStep(spec.QueryHeads));
        }

        return steps;
    }
}

internal sealed class SoftcapStep(double cap) : ScoreStep
{
    public override string DisplayName => $"softcap {C.Float(cap)}";

    public override string Statements => $"score = {C.Float(cap)} * tanh(score * {C.Float(1 / cap)});";
}

internal sealed class ScoreModStep(ModFunction mod) : ScoreStep
{
    public override string DisplayName => "score mod";

    public override string Statements =>
        $"score = score_mod(score, row.batch, row.head, max(row.query, (lanes_int)(0)), key{ScoreRules.Arguments(mod)});";
}

/// <summary>A penalty that grows with the distance, at a slope of each head's own.</summary>
internal sealed class AlibiStep(int heads) : ScoreStep
{
    public override string DisplayName => "ALiBi";

    public override string Statements => "score -= row.slope * fabs(convert_lanes_float(row.query - key));";

    public override (string Name, string Expression)? RowValue
    {
        get
        {
            int power = 1;
            while (power * 2 <= heads)
            {
                power *= 2;
            }

            // The first 2^n heads have a geometric sequence; the rest fill in between, from twice as fine a sequence.
            string first = $"{C.Float(-8.0 / power)} * convert_lanes_float(row.head + 1)";
            string rest = $"{C.Float(-4.0 / power)} * convert_lanes_float(2 * (row.head - {power}) + 1)";
            return ("slope", power == heads ? $"exp2({first})" : $"exp2(lanes_select({rest}, {first}, row.head < {power}))");
        }
    }
}
