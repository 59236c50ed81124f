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

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) => shape with { Softcap = spec.Softcap };

    public override void Validate(AttentionSpec spec, SpecReport report)
    {
        if (spec.Softcap != 0 && spec.Softcap is not (>= Min and <= Max))
        {
            report.Add(SpecRules.SoftcapInvalid, Name, [SpecFix.LeaveOut(Name)],
                SpecReport.Text(spec.Softcap), SpecReport.Text(Min), SpecReport.Text(Max));
        }
    }

    public override string Describe(AttentionShape shape) => "softcap " + shape.Softcap.ToString("R", CultureInfo.InvariantCulture);

    public override string Initializer(AttentionShape shape) => "Softcap = " + shape.Softcap.ToString("R", CultureInfo.InvariantCulture);

    public override ScoreStep? Step(AttentionShape shape) =>
        new($"softcap {C.Float(shape.Softcap)}", $"score = {C.Float(shape.Softcap)} * tanh(score * {C.Float(1 / shape.Softcap)});");

    public override bool StepsBeforeMod => true;
}
