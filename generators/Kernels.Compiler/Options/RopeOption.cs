using Kernels.Compiler.Specs;

namespace Kernels;

internal abstract partial record OptionValues
{
    /// <summary>Which elements of a head rope turns together.</summary>
    public RopeStyle Rope { get; init; }

    /// <summary>Elements of a head that turn; 0: all.</summary>
    public int RotaryDim { get; init; }
}

/// <content>No step: the templates that load queries and keys speak of it.</content>
internal sealed partial class RopeOption
{
    public override AttentionSpec? Parse(AttentionSpec spec, string property, object value) => (property, value) switch
    {
        (nameof(AttentionSpec.Rope), int style) => spec with { Rope = (RopeStyle)style },
        (nameof(AttentionSpec.RotaryDim), int dim) => spec with { RotaryDim = dim },
        _ => null,
    };

    public override AttentionShape Resolve(AttentionSpec spec, AttentionShape shape) =>
        shape with { Rope = spec.Rope, RotaryDim = spec.ResolvedRotaryDim };

    public override void Validate(AttentionSpec spec, SpecReport report)
    {
        const string rotaryDim = nameof(AttentionSpec.RotaryDim);
        if (!report.IsDefined(spec.Rope, Name) || spec.HeadDim is < SpecLimits.MinDim or > SpecLimits.MaxHeadDim)
        {
            return;
        }

        int dim = spec.ResolvedRotaryDim, largest = (spec.HeadDim - spec.RotaryBegin) / 2 * 2;
        if (spec.Rope == RopeStyle.None)
        {
            if (spec.RotaryDim != 0)
            {
                IEnumerable<SpecFix> styles = new[] { RopeStyle.HalfSplit, RopeStyle.Interleaved }
                    .Select(style => SpecFix.Set(Name, $"{nameof(RopeStyle)}.{style}"));
                report.Add(SpecRules.RotaryDimWithoutRope, rotaryDim, [SpecFix.LeaveOut(rotaryDim), .. styles],
                    SpecReport.Text(spec.RotaryDim));
            }
        }
        else if (dim < SpecLimits.MinRotaryDim || dim > largest || dim % 2 != 0)
        {
            int nearest = Math.Min(largest, Math.Max(SpecLimits.MinRotaryDim, dim / 2 * 2));
            report.Add(SpecRules.RotaryDimInvalid, spec.RotaryDim == 0 ? Name : rotaryDim,
                [SpecFix.Set(rotaryDim, SpecReport.Text(nearest))],
                SpecReport.Text(dim), SpecReport.Text(SpecLimits.MinRotaryDim), SpecReport.Text(largest));
        }
        else if (spec.RotaryDim == spec.HeadDim - spec.RotaryBegin)
        {
            report.Add(SpecRules.OptionHasNoEffect, rotaryDim, [SpecFix.LeaveOut(rotaryDim)], rotaryDim, SpecReport.Text(spec.RotaryDim));
        }
    }

    public override AttentionSpec Mend(AttentionSpec spec) => spec with
    {
        Rope = Enum.IsDefined(typeof(RopeStyle), spec.Rope) ? spec.Rope : RopeStyle.HalfSplit,
        RotaryDim = 0,
    };

    public override string Describe(AttentionShape shape) =>
        $"rope over {shape.RotaryDim} elements ({(shape.Rope == RopeStyle.HalfSplit ? "half-split" : "interleaved")})";

    public override string Initializer(AttentionShape shape) =>
        $"Rope = global::Kernels.RopeStyle.{shape.Rope}, RotaryDim = {shape.RotaryDim}";

    public override (string Type, string Summary)? HostInput(AttentionShape shape) => ("DeviceRopeTable",
        $"Cosine and sine of the angles, a <see cref=\"global::Kernels.RopeTable\"/> of rotary dimension {shape.RotaryDim} on the device. "
        + "Keys and queries are given as they are before they turn.");
}
