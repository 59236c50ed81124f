using Kernels.Compiler.Emit.Text;
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

    /// <summary>What a template takes.</summary>
    public Holes Holes => new() { { "type", Type }, { "name", Name }, { "expression", Expression }, { "is_wide", IsWide } };
}

/// <summary>What steps and masks can ask of a row beside its query's position.</summary>
[Flags]
internal enum RowMembers
{
    None = 0,
    Head = 1,
    Batch = 2,
    Prefix = 4,
}

/// <summary>One change to a score between scale·(q·k) and the mask.</summary>
internal abstract class ScoreStep
{
    /// <summary>What the step is called in comments.</summary>
    public abstract string DisplayName { get; }

    /// <summary>
    /// The template of statements in the lane vocabulary that change <c>score</c>, which <c>row</c>'s query and <c>key</c> have.
    /// </summary>
    public abstract string Template { get; }

    /// <summary>What the template speaks of as <c>${step.name}</c>.</summary>
    public virtual Holes Holes => [];

    /// <summary>What the statements, or the expression of <see cref="RowValue"/>, ask of the row.</summary>
    public virtual RowMembers Asks => RowMembers.None;

    /// <summary>The kernel's inputs that the statements name.</summary>
    public virtual IEnumerable<KernelInput> Inputs => [];

    /// <summary>A value that depends on the row only, or null.</summary>
    public virtual RowValue? RowValue => null;

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

        if (spec.Bias)
        {
            steps.Add(new BiasStep());
        }

        return steps;
    }
}

internal sealed class SoftcapStep(double cap) : ScoreStep
{
    public override string DisplayName => $"softcap {C.Float(cap)}";

    public override string Template => "Scores/softcap";

    public override Holes Holes => new() { { "cap", C.Float(cap) }, { "reciprocal", C.Float(1 / cap) } };
}

internal sealed class ScoreModStep(ModFunction mod) : ScoreStep
{
    public override string DisplayName => "score mod";

    public override string Template => "Scores/score_mod";

    public override Holes Holes => new() { { "arguments", KernelInput.Arguments(Inputs) } };

    public override RowMembers Asks => RowMembers.Head | RowMembers.Batch;

    public override IEnumerable<KernelInput> Inputs => mod.Inputs.Select(KernelInput.Of);
}

/// <summary>A penalty that grows with the distance, at a slope of each head's own.</summary>
internal sealed class AlibiStep(int heads) : ScoreStep
{
    public override string DisplayName => "ALiBi";

    public override string Template => "Scores/alibi";

    public override RowMembers Asks => RowMembers.Head;

    public override RowValue? RowValue
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
            return new("lanes_float", "slope", power == heads ? $"exp2({first})" : $"exp2(lanes_select({rest}, {first}, row.head < {power}))", []);
        }
    }
}

/// <summary>A number for each score; −∞ hides the key, even one that holds NaN.</summary>
internal sealed class BiasStep : ScoreStep
{
    public override string DisplayName => "bias";

    public override string Template => "Scores/bias";

    public override RowMembers Asks => RowMembers.Head;

    public override IEnumerable<KernelInput> Inputs => [KernelInput.Bias];

    public override RowValue? RowValue => new(
        "lanes_long", "bias_at", "convert_lanes_long(row.head) * bias_head_stride + convert_lanes_long(r / GROUP) * bias_query_stride",
        [KernelInput.BiasHeadStride, KernelInput.BiasQueryStride]);
}
