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

    /// <summary>What scores are multiplied with, for a comment.</summary>
    public string ScaleComment => IsBase2 ? " x log2(e): the softmax is calculated in base 2" : "";

    /// <summary>The constants between base-2 logarithms and natural ones that a kernel with these scores needs.</summary>
    public string Logarithms => !IsBase2 ? $"#define LOG2_E {C.Float(Log2E)}"
        : $"#define LN_2 {C.Float(1 / Log2E)}" + (spec.Sinks ? $"\n#define LOG2_E {C.Float(Log2E)}" : "");

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

    /// <summary>Whether a finite score can be so large that log2(e) times it is infinite: float16 products are far from that, and tensor cores' products would be infinite before.</summary>
    private bool IsNearOverflow => scalesProducts
        ? spec.Storage != ElementType.Float16 && spec.ResolvedScale * Log2E > 1
        : spec.Storage != ElementType.Float16 || spec.ResolvedCacheStorage is ElementType.Float32 or ElementType.BFloat16;

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

    /// <summary>Writes <c>Row</c>, <c>set_row</c>, <c>make_row</c>, the user's mods, <c>transform_score</c> and <c>is_visible</c>, as far as they are needed.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="returnsRows">Whether the kernel calls <c>make_row</c>, not only <c>set_row</c>.</param>
    public void Declare(CodeWriter writer, bool returnsRows = true)
    {
        if (!NeedsRows)
        {
            return;
        }

        foreach (ModFunction? mod in new[] { spec.ScoreMod, spec.MaskMod })
        {
            if (mod is not null)
            {
                writer.Add(mod.Source.TrimEnd()).Line();
            }
        }

        List<RowValue> values = RowValues;
        List<KernelInput> rowInputs = values.SelectMany(value => value.Inputs).Distinct().ToList();
        bool head = Reads("row.head"), batch = Reads("row.batch"), prefix = Reads("row.prefix");

        writer.Add("// What is known of a query row before any key is read.");
        writer.Add("typedef struct");
        writer.Open();
        writer.Add("lanes_int query; // position of the query, counted in keys of the sequence");
        if (head)
        {
            writer.Add("lanes_int head; // query head");
        }

        if (batch)
        {
            writer.Add("lanes_int batch; // index of the request in the launch");
        }

        if (prefix)
        {
            writer.Add("lanes_int prefix; // keys that every query sees");
        }

        List<RowValue> wide = values.Where(value => value.IsWide).ToList();
        foreach (RowValue value in values.Except(wide))
        {
            writer.Add($"{value.Type} {value.Name};");
        }

        int narrow = new[] { true, head, batch, prefix }.Count(present => present) + values.Count - wide.Count;
        if (wide.Count > 0 && narrow % 2 != 0)
        {
            writer.Add("lanes_int unused; // leaves no gap before what is wider: Mesa's rusticl reads structs with gaps wrongly");
        }

        foreach (RowValue value in wide)
        {
            writer.Add($"{value.Type} {value.Name};");
        }

        writer.Close(" Row;").Line();

        // Oclgrind 21.10 takes no kernel in which a function that returns a larger struct is inlined twice: what needs a second row sets it.
        string parameters = $"WorkItem item{(head ? ", int kv_head" : "")}{KernelInput.Parameters(rowInputs)}, lanes_int row_of_item";
        writer.Open($"static __attribute__((always_inline)) void set_row(Row* to, {parameters})");
        writer.Add("""
            const lanes_int r = item.first_row + row_of_item;
            Row row;
            row.query = item.position + r / GROUP;
            """);
        if (head)
        {
            writer.Add("row.head = kv_head * GROUP + r % GROUP;");
        }

        if (batch)
        {
            writer.Add("row.batch = (lanes_int)(item.batch);");
        }

        if (prefix)
        {
            writer.Add("row.prefix = (lanes_int)(item.prefix);");
        }

        foreach (RowValue value in values)
        {
            writer.Add($"row.{value.Name} = {value.Expression};");
        }

        writer.Add("*to = row;");
        writer.Close().Line();

        if (returnsRows)
        {
            writer.Open($"static Row make_row({parameters})");
            writer.Add($"""
                Row row;
                set_row(&row, {RowArguments}row_of_item);
                return row;
                """);
            writer.Close().Line();
        }

        if (Transforms)
        {
            writer.Add("// From scale * (q.k) to what the softmax takes.");
            writer.Open($"static lanes_float transform_score(lanes_float score, Row row, lanes_int key{KernelInput.Parameters(TransformInputs)})");
            foreach (ScoreStep step in Steps)
            {
                writer.Add(step.Statements);
            }

            writer.Add("return score;");
            writer.Close().Line();
        }

        if (HidesKeys)
        {
            writer.Add("// Whether a row's query sees the key at a position.");
            writer.Open($"static lanes_int is_visible(Row row, lanes_int key{KernelInput.Parameters(VisibleInputs)})");
            writer.Add($"return {string.Join(" && ", Masks.Select(mask => mask.Visible))};");
            writer.Close().Line();
        }
    }

    /// <summary>The call that makes a row, up to its last argument: the row's index in the item.</summary>
    public string MakeRow => $"make_row({RowArguments}";

    /// <summary>The statement that sets a row.</summary>
    /// <param name="row">The row's name.</param>
    /// <param name="index">Expression: the row's index in the item.</param>
    public string SetRow(string row, string index) => $"set_row(&{row}, {RowArguments}{index});";

    /// <summary>What steps and masks keep of a row.</summary>
    private List<RowValue> RowValues => Steps.Select(step => step.RowValue).Concat(Masks.Select(mask => mask.RowValue)).OfType<RowValue>().ToList();

    /// <summary>The arguments of <c>make_row</c> before the row's index.</summary>
    private string RowArguments =>
        $"item{(Reads("row.head") ? ", kv_head" : "")}{KernelInput.Arguments(RowValues.SelectMany(value => value.Inputs).Distinct())}, ";

    /// <summary>Whether steps or masks read a member of a row.</summary>
    private bool Reads(string member) => Steps.Select(step => step.Statements).Concat(Masks.Select(mask => mask.Visible))
        .Concat(RowValues.Select(value => value.Expression)).Any(text => text.Contains(member));
}
