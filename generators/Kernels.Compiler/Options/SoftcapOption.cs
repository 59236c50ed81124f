using System.Globalization;
using Kernels.Compiler.Emit;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Specs;

namespace Kernels;

/// <content>A step before the user's function: the model's own score is the one that is capped.</content>
internal sealed partial class SoftcapOption
{
    // Kernels also have the reciprocal as a float32.
    private const double Least = 1e-30, Most = 1e30;

    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) =>
        property == Name && value is double cap ? spec with { Softcap = cap } : null;

    public override void Validate(AttentionSpec spec, SpecReport report)
    {
        if (spec.Softcap != 0 && spec.Softcap is not (>= Least and <= Most))
        {
            report.Add(SpecRules.SoftcapInvalid, Name, [SpecFix.LeaveOut(Name)],
                SpecReport.Text(spec.Softcap), SpecReport.Text(Least), SpecReport.Text(Most));
        }
    }

    public override string Describe(AttentionShape shape) => "softcap " + Text(shape);

    public override string Initializer(AttentionShape shape) => "Softcap = " + Text(shape);

    public override ScoreStep? Step(AttentionShape shape) => shape.Softcap is not { } cap ? null : new($"softcap {C.Float(cap)}", "Scores/softcap")
    {
        Holes = new() { { "cap", C.Float(cap) }, { "reciprocal", C.Float(1 / cap) } },
    };

    public override bool StepsBeforeMod => true;

    private static string Text(AttentionShape shape) => shape.Softcap.GetValueOrDefault().ToString("R", CultureInfo.InvariantCulture);
}
