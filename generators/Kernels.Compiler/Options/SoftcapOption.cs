using System.Globalization;
using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>c in c·tanh(score / c); 0: off.</summary>
    public double Softcap { get; init; }
}

/// <content>A step before the user's function: the model's own score is the one that is capped.</content>
internal sealed partial class SoftcapOption
{
    /// <summary>The least and the greatest: kernels also have the reciprocal as a float32.</summary>
    public const double Min = 1e-30, Max = 1e30;

    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is double cap ? spec with { Softcap = cap } : null;

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) =>
        shape with { Softcap = spec.Softcap > 0 ? spec.Softcap : null };

    public override void Validate(AttentionSpec spec, SpecReport report)
    {
        if (spec.Softcap != 0 && spec.Softcap is not (>= Min and <= Max))
        {
            report.Add(SpecRules.SoftcapInvalid, Name, [SpecFix.LeaveOut(Name)],
                SpecReport.Text(spec.Softcap), SpecReport.Text(Min), SpecReport.Text(Max));
        }
    }

    public override string Describe(AttentionShape shape) => "softcap " + Text(shape);

    public override string Initializer(AttentionShape shape) => "Softcap = " + Text(shape);

    public override ScoreStep? Step(AttentionShape shape) => shape.Softcap is not { } cap
        ? null
        : new($"softcap {C.Float(cap)}", "Scores/softcap")
        {
            Holes = new() { { "cap", C.Float(cap) }, { "reciprocal", C.Float(1 / cap) } },
        };

    public override bool StepsBeforeMod => true;

    private static string Text(AttentionShape shape) => shape.Softcap.GetValueOrDefault().ToString("R", CultureInfo.InvariantCulture);
}
