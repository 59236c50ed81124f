using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>
/// What happens to a score: its steps and its mask, as functions in the lane vocabulary that every target calls alike.
/// <c>Row</c> is what is known of a query row: its position, its head, and what follows from them.
/// </summary>
/// <param name="spec">The spec.</param>
/// <param name="scalesProducts">Whether the scale is applied to products, as on tensor cores; elsewhere it is to queries.</param>
internal sealed class ScoreRules(AttentionSpec spec, bool scalesProducts)
{
    private const double Log2E = 1.4426950408889634;

    public IReadOnlyList<ScoreStep> Steps { get; } = ScoreStep.Of(spec);

    public IReadOnlyList<MaskTerm> Masks { get; } = MaskTerm.Of(spec);

    /// <summary>Whether scores change on their way to the softmax.</summary>
    public bool Transforms => Steps.Count > 0;

    /// <summary>Whether any key inside the sequence can be hidden.</summary>
    public bool HidesKeys => Masks.Count > 0;

    /// <summary>Whether the kernel needs to know its rows.</summary>
    public bool NeedsRows => Transforms || HidesKeys;

    /// <summary>
    /// Whether scores come out times log2(e), for a softmax in base 2: where nothing stands between products and softmax, and where no
    /// finite score can become infinite by that factor. Natural scores are multiplied when the maximum has been taken from them.
    /// </summary>
    public bool IsBase2 => !Transforms && !IsNearOverflow;

    /// <summary>The factor on queries.</summary>
    public double QueryScale => IsBase2 ? spec.ResolvedScale * Log2E : spec.ResolvedScale;

    /// <summary>What a partial state holds, for a comment.</summary>
    public string StateComment => IsBase2
        ? "maximum of the base-2 scores, sum of 2^(score - maximum)"
        : "maximum of the scores, sum of e^(score - maximum)";

    /// <summary>The lag of a maximum behind scores that makes probabilities 2^8, as a literal.</summary>
    public string Lag8 => C.Float(IsBase2 ? 8 : 8 / Log2E);

    /// <summary>Expression: log2 of a score's weight relative to one at <paramref name="origin"/>.</summary>
    public string Power(string score, string origin) => IsBase2 ? $"{score} - {origin}" : $"({score} - {origin}) * LOG2_E";

    /// <summary>Expression: log2 of a factor of which <paramref name="growth"/> is the logarithm in the unit of scores.</summary>
    public string Power(string growth) => IsBase2 ? growth : $"{growth} * LOG2_E";

    /// <summary>Expression: log2 of a sink's weight relative to a score at <paramref name="origin"/>.</summary>
    public string SinkPower(string sink, string origin) => IsBase2 ? $"{sink} * LOG2_E - {origin}" : $"({sink} - {origin}) * LOG2_E";

    /// <summary>Expression: a maximum as a natural logarithm.</summary>
    public string Natural(string maximum) => IsBase2 ? $"{maximum} * LN_2" : maximum;

    /// <summary>
    /// Whether a finite score can be so large that log2(e) times it is infinite: products of elements of less range are far from that, and
    /// tensor cores' products would be infinite before.
    /// </summary>
    private bool IsNearOverflow => scalesProducts
        ? PlainCodec.For(spec.Storage).HasFloat32Range && spec.ResolvedScale * Log2E > 1
        : PlainCodec.For(spec.Storage).HasFloat32Range || Codec.ForCache(spec).HasFloat32Range;

    /// <summary>What the rules are called in comments.</summary>
    public string DisplayName
    {
        get
        {
            IEnumerable<string> names = Steps.Select(step => step.DisplayName).Concat(Masks.Select(mask => mask.DisplayName));
            return string.Join(", ", names.DefaultIfEmpty("no mask"));
        }
    }

    /// <summary>A condition under which a tile's mask hides nothing, or null when that can't be told.</summary>
    public string? HidesNothing => Masks.Any(mask => mask.HidesNothing is null)
        ? null
        : string.Join(" && ", Masks.Select(mask => mask.HidesNothing));

    /// <summary>Whether <see cref="HidesNothing"/> asks about the first position of a tile's queries.</summary>
    public bool AsksFirstPosition => HidesNothing is not null && Masks.Any(mask => mask.AsksFirstPosition);

    /// <summary>Whether <see cref="HidesNothing"/> asks about the last position of a tile's queries.</summary>
    public bool AsksLastPosition => HidesNothing is not null && Masks.Any(mask => mask.AsksLastPosition);

    /// <summary>All run-time inputs of the kernel.</summary>
    public IReadOnlyList<KernelInput> Inputs { get; } = KernelInput.Of(spec);

    /// <summary>The inputs of <c>transform_score</c>, as arguments with a leading comma.</summary>
    public string TransformArguments => KernelInput.Arguments(TransformInputs);

    /// <summary>The inputs of <c>is_visible</c>, as arguments with a leading comma.</summary>
    public string VisibleArguments => KernelInput.Arguments(VisibleInputs);

    /// <summary>The inputs of both.</summary>
    public IReadOnlyList<KernelInput> ScoreInputs => [.. TransformInputs.Concat(VisibleInputs).Distinct()];

    private IEnumerable<KernelInput> TransformInputs => Steps.SelectMany(step => step.Inputs).Distinct();

    private IEnumerable<KernelInput> VisibleInputs => Masks.SelectMany(mask => mask.Inputs).Distinct();

    public static string TypeOf(ModInputType type) => type switch
    {
        ModInputType.Int => "int",
        ModInputType.Float => "float",
        ModInputType.IntBuffer => "global const int*",
        ModInputType.FloatBuffer => "global const float*",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No such input."),
    };

    /// <summary>What steps and masks keep of a row.</summary>
    public IReadOnlyList<RowValue> RowValues => field ??=
        [.. Steps.Select(step => step.RowValue).Concat(Masks.Select(mask => mask.RowValue)).OfType<RowValue>()];

    /// <summary>Whether the members of <c>Row</c> with 32 bits a lane end where no wider one can begin.</summary>
    public bool RowHasGap => RowValues.Any(value => value.IsWide)
        && (new[] { true, AsksHead, AsksBatch, AsksPrefix }.Count(present => present) + RowValues.Count(value => !value.IsWide)) % 2 != 0;

    /// <summary>Whether steps or masks ask about a row's query head, and so about the KV head.</summary>
    public bool AsksHead => Asked.HasFlag(RowMembers.Head);

    /// <summary>Whether they ask about the row's request.</summary>
    public bool AsksBatch => Asked.HasFlag(RowMembers.Batch);

    /// <summary>Whether they ask about the keys that every query of it sees.</summary>
    public bool AsksPrefix => Asked.HasFlag(RowMembers.Prefix);

    /// <summary>
    /// The parameters of <c>set_row</c> and <c>make_row</c> between the item and the row's index, each with a leading comma.
    /// </summary>
    public string RowParameters => (AsksHead ? ", int kv_head" : "") + KernelInput.Parameters(RowInputs);

    /// <summary>The arguments of <c>set_row</c> and <c>make_row</c> before the row's index.</summary>
    public string RowArguments => $"work{(AsksHead ? ", kv_head" : "")}{KernelInput.Arguments(RowInputs)}";

    /// <summary>The inputs of <c>transform_score</c>, as parameters with a leading comma.</summary>
    public string TransformParameters => KernelInput.Parameters(TransformInputs);

    /// <summary>The inputs of <c>is_visible</c>, as parameters with a leading comma.</summary>
    public string VisibleParameters => KernelInput.Parameters(VisibleInputs);

    /// <summary>Expression: whether <c>row</c>'s query sees <c>key</c>.</summary>
    public string Visible => string.Join(" && ", Masks.Select(mask => mask.Visible));

    private IEnumerable<KernelInput> RowInputs => RowValues.SelectMany(value => value.Inputs).Distinct();

    private RowMembers Asked =>
        Steps.Select(step => step.Asks).Concat(Masks.Select(mask => mask.Asks)).Aggregate(RowMembers.None, (all, members) => all | members);
}
