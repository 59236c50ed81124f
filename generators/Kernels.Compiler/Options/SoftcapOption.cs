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

    public override string Describe(AttentionShape shape) => "softcap " + shape.Softcap.ToString("R", CultureInfo.InvariantCulture);

    public override string Initializer(AttentionShape shape) => "Softcap = " + shape.Softcap.ToString("R", CultureInfo.InvariantCulture);

    public override ScoreStep? Step(AttentionShape shape) =>
        new($"softcap {C.Float(shape.Softcap)}", "Scores/softcap")
        {
            Holes = new() { { "cap", C.Float(shape.Softcap) }, { "reciprocal", C.Float(1 / shape.Softcap) } },
        };

    public override bool StepsBeforeMod => true;
}
