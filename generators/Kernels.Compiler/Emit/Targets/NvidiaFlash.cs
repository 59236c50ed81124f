using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// What the forms for NVIDIA's tensor cores have in common: of each 16 × 8 block of scores or outputs of a warp, work-item l
/// holds the columns 2(l % 4) and 2(l % 4) + 1 of the rows l / 4 and l / 4 + 8.
/// </summary>
internal abstract partial class NvidiaFlash(KernelContext context) : FlashSteps
{
    protected KernelContext Context => context;

    protected AttentionSpec Spec => context.Spec;

    public override Holes Fill(Holes around) => new(around, isShared: true)
    {
        { "element", Element },
        { "half", Spec.Storage == ElementType.Float16 },
        { "int8", Spec.ResolvedCacheStorage == ElementType.Int8 },
        { "int4", Spec.ResolvedCacheStorage == ElementType.Int4 },
        { "converts_float8", context.Plan.Target == KernelTarget.Hopper },
        { "lane_vocabulary", CodeWriter.Text(text => LaneVocabulary.Declare(text, 1, Spec)) },
        { "key_pieces", KeyPieces },
        { "value_pieces", ValuePieces },
        { "registers", NvidiaExpansion.Registers(Spec) },
        { "query_element", arguments => QueryElement(arguments[0], arguments[1]) },
        { "held", arguments => Held(arguments[0]) },
        { "row_barrier", RowBarrier },
        { "row_work_items", RowWorkItems },
        { "score_scale", ScoreScale },
        { "times_scale", context.Rules.Transforms ? "" : $" * {ScoreScale}" },
        { "score", Score },
        { "skip_empty_block", SkipEmptyBlock },
        { "first_key_of_block", FirstKey },
        { "elements", Enumerable.Range(0, 4).Select(element => new Holes { { "index", element }, { "row", RowOf(element) }, { "key", KeyOf(element) } }) },
        { "rescale", context.ScalesTokens ? "unit_rescale" : "rescale" },
        { "share_maximum", "" },
        { "before_rescale", "" },
        { "value_scales_at", ValueScalesAt },
        { "first_column", FirstColumn },
        { "warp_columns", FirstColumn.Length == 0 ? "VALUE_DIM" : "(VALUE_BLOCKS * 8)" },
        { "column", arguments => Column(arguments[0]) },
        { "store_states", "Nvidia/store_states" },
        { "one_work_item_of_row", OneWorkItemOfRow },
        { "after_stores", AfterStores },
        { "or_is_large", OrIsLarge },
    };

    /// <summary>The element type in the names of instructions.</summary>
    protected string Element => Spec.Storage == ElementType.Float16 ? "f16" : "bf16";

    /// <summary>Pieces of 16 bytes of a key as it is in the cache.</summary>
    protected int KeyPieces => Spec.HeadDim / NvidiaPlanner.PieceElements(Spec);

    /// <summary>Pieces of 16 bytes of a value as it is in the cache.</summary>
    protected int ValuePieces => Spec.ResolvedValueDim / NvidiaPlanner.PieceElements(Spec);

    /// <summary>Expression: the factor on products of queries and keys.</summary>
    protected string ScoreScale => context.QueryFactor == "SCALE" ? "SCALE" : "score_scale";

    /// <summary>Expression: the scores of row block <c>b</c> and key block <c>j</c>.</summary>
    protected virtual string Score => "score[b][j]";

    /// <summary>Statement: goes on to the next row block where <c>b</c> may have no rows.</summary>
    protected virtual string SkipEmptyBlock => "";

    /// <summary>Expression: the first of the two keys of score block <c>j</c> of which this work-item has scores.</summary>
    protected abstract string FirstKey { get; }

    /// <summary>Statements of a row block after its probabilities are there and before its outputs are rescaled.</summary>
    protected virtual string BeforeRescale => "";

    /// <summary>Statements of a row block that widen the maxima <c>top0</c> and <c>top1</c> of its keys to those of other warps.</summary>
    protected virtual string ShareMaximum => "";

    /// <summary>Expression with a trailing plus: the first column of this warp's outputs, where it has not all.</summary>
    protected virtual string FirstColumn => "";

    /// <summary>Expression: the column of element s0 or s1 of output block <c>c</c>.</summary>
    protected virtual string Column(string element) => $"c * 8 + lane % 4 * 2 + {element}";

    /// <summary>Constant: where in <c>scales</c> those of the values begin.</summary>
    protected virtual string ValueScalesAt => "KEYS";

    /// <summary>Expression: whether this is the one work-item that stores what a row has one of.</summary>
    protected virtual string OneWorkItemOfRow => "lane % 4 == 0";

    /// <summary>Statement: this warp sees what was stored for its rows.</summary>
    protected virtual string AfterStores => "warp_barrier();";

    /// <summary>Expression: where element d of query row r lies in local memory.</summary>
    protected abstract string QueryElement(string row, string d);

    /// <summary>Statement: all work-items that hold rows wait for one another's writes to local memory.</summary>
    protected abstract string RowBarrier { get; }

    /// <summary>Constant: the work-items that hold rows.</summary>
    protected abstract string RowWorkItems { get; }

    /// <summary>Rope on the queries where they lie in local memory; they are rounded again, as a fragment must be.</summary>
    /// <remarks>What float16 cannot hold is NaN there: a row of NaN is calculated once more from what is in global memory.</remarks>
    protected string TurnQueries() => !context.Rope.IsOn ? "" : $$"""
        for (int i = thread; i < item.row_count * (ROTARY_DIM / 2); i += {{RowWorkItems}})
        {
            const int r = i / (ROTARY_DIM / 2);
            const int pair = i % (ROTARY_DIM / 2);
            local {{context.Storage.StorageType}}* const first = {{QueryElement("r", context.Rope.First("pair"))}};
            local {{context.Storage.StorageType}}* const second = {{QueryElement("r", context.Rope.Second("pair"))}};
            const float2 x = turn_pair({{context.Storage.Load("first", "0", 1)}}, {{context.Storage.Load("second", "0", 1)}}, query_angles(item, r, rope)[pair]);
            {{context.Storage.Store("first", Held("x.s0"))}}
            {{context.Storage.Store("second", Held("x.s1"))}}
        }
        {{RowBarrier}}

        """;

    private string Held(string x) => Spec.Storage == ElementType.Float16 ? $"fabs({x}) > {C.Float(65504)} ? NAN : {x}" : x;

    /// <summary>Starts the copies of the item's queries to local memory; rows past the end are zeros.</summary>
    /// <param name="place">Expression: where, from the queries' begin, piece <c>piece</c> of row <c>r</c> goes, in bytes.</param>
    protected string CopyQueries(string place) => $$"""
        for (int i = thread; i < ROWS * (HEAD_DIM / 8); i += {{RowWorkItems}})
        {
            const int r = i / (HEAD_DIM / 8);
            const int piece = i % (HEAD_DIM / 8);
            global const {{context.Storage.StorageType}}* from = queries + packed_row(item, kv_head, min(r, item.row_count - 1)) * HEAD_DIM + piece * 8;
            copy_16(queries_at + {{place}}, from, r < item.row_count);
        }
        """;

    /// <summary>Two blocks of probabilities are one fragment of the next multiplication, as they lie.</summary>
    protected static string Fragment(string to, string row, string first, string second) => $"""
        {to}.s0 = pack(score[{row}][{first}].s0, score[{row}][{first}].s1);
        {to}.s1 = pack(score[{row}][{first}].s2, score[{row}][{first}].s3);
        {to}.s2 = pack(score[{row}][{second}].s0, score[{row}][{second}].s1);
        {to}.s3 = pack(score[{row}][{second}].s2, score[{row}][{second}].s3);
        """;

    /// <summary>What is the same for all rows at their start.</summary>
    protected void BeginScales(CodeWriter writer)
    {
        if (context.QueryFactor != "SCALE")
        {
            writer.Add($"const float score_scale = {context.QueryFactor};");
        }
    }

    /// <summary>The state of a work-item's rows at their start.</summary>
    protected void BeginRows(CodeWriter writer)
    {
        BeginScales(writer);
        writer.Add($$"""
            // Of each block, the rows lane / 4 and lane / 4 + 8.
            float row_max[ROW_BLOCKS][2];
            float row_sum[ROW_BLOCKS][2]; // over this work-item's keys only{{(context.ScalesTokens ? "\nfloat row_unit[ROW_BLOCKS][2]; // the largest weight of an integer so far; outputs are multiples of it" : "")}}
            float4 output[ROW_BLOCKS][VALUE_BLOCKS];
            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                row_max[b][0] = row_max[b][1] = -INFINITY;
                row_sum[b][0] = row_sum[b][1] = 0.0f;{{(context.ScalesTokens ? "\n    row_unit[b][0] = row_unit[b][1] = 0.0f;" : "")}}
                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    output[b][c] = (float4)(0.0f);
                }
            }
            """);
        if (context.Rules.NeedsRows)
        {
            writer.Add($$"""
                Row row[ROW_BLOCKS][2];
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    row[b][0] = {{context.Rules.MakeRow}}min(warp_row + b * 16 + lane / 4, item.row_count - 1));
                    row[b][1] = {{context.Rules.MakeRow}}min(warp_row + b * 16 + lane / 4 + 8, item.row_count - 1));
                }
                """);
        }

        writer.Line();
    }

    public override void Transform(CodeWriter writer) => EachScore(writer, Elements((element, row) =>
        $"{Score}.s{element} = transform_score({Score}.s{element} * {ScoreScale}, row[b][{row}], min({KeyOf(element)}, item.kv_end - 1){context.Rules.TransformArguments});"));

    public override void Hide(CodeWriter writer) => EachScore(writer, Elements((element, row) => context.Rules.HidesKeys
        ? $"{Score}.s{element} = {KeyOf(element)} < item.kv_end && is_visible(row[b][{row}], min({KeyOf(element)}, item.kv_end - 1){context.Rules.VisibleArguments}) ? {Score}.s{element} : -INFINITY;"
        : $"{Score}.s{element} = {KeyOf(element)} < item.kv_end ? {Score}.s{element} : -INFINITY;"));

    /// <summary>Expression: the key of a score's element; <c>key</c> is that of the first.</summary>
    protected virtual string KeyOf(int element) => element % 2 == 0 ? "key" : "key + 1";

    /// <summary>Which of this work-item's two rows of a block a score's element is of.</summary>
    protected virtual int RowOf(int element) => element / 2;

    public override void Softmax(CodeWriter writer)
    {
        // The scale is part of the exponent's multiply-add, unless the spec's steps have applied it.
        string scaled = context.Rules.Transforms ? "" : $" * {ScoreScale}";
        ScoreRules rules = context.Rules;
        string Exponent(string element, int row) => rules.Power($"score[b][j].{element}{scaled}", $"base{row}");
        writer.Add($$"""

            #pragma unroll
            for (int b = 0; b < ROW_BLOCKS; b++)
            {
                float top0 = -INFINITY;
                float top1 = -INFINITY;
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    top0 = fmax(top0, fmax(score[b][j].s0, score[b][j].s1));
                    top1 = fmax(top1, fmax(score[b][j].s2, score[b][j].s3));
                }
                top0 = row_maximum(top0);
                top1 = row_maximum(top1);{{ShareMaximum}}
                top0 = fmax(row_max[b][0], top0{{scaled}});
                top1 = fmax(row_max[b][1], top1{{scaled}});

                // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
                const float base0 = top0 == -INFINITY ? 0.0f : top0;
                const float base1 = top1 == -INFINITY ? 0.0f : top1;
                const float rescale0 = exp2_fast({{rules.Power("row_max[b][0]", "base0")}});
                const float rescale1 = exp2_fast({{rules.Power("row_max[b][1]", "base1")}});
                row_max[b][0] = top0;
                row_max[b][1] = top1;
                row_sum[b][0] *= rescale0;
                row_sum[b][1] *= rescale1;
                #pragma unroll
                for (int j = 0; j < KEY_BLOCKS; j++)
                {
                    score[b][j].s0 = exp2_fast({{Exponent("s0", 0)}});
                    score[b][j].s1 = exp2_fast({{Exponent("s1", 0)}});
                    score[b][j].s2 = exp2_fast({{Exponent("s2", 1)}});
                    score[b][j].s3 = exp2_fast({{Exponent("s3", 1)}});
                    row_sum[b][0] += score[b][j].s0 + score[b][j].s1;
                    row_sum[b][1] += score[b][j].s2 + score[b][j].s3;
                }
            {{ScaleProbabilities}}{{BeforeRescale}}    #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    output[b][c].lo *= {{(context.ScalesTokens ? "unit_rescale0" : "rescale0")}};
                    output[b][c].hi *= {{(context.ScalesTokens ? "unit_rescale1" : "rescale1")}};
                }
            }

            """);
    }

    /// <summary>Scores times the scales of their keys, which <c>scales</c> has of the tile's keys and then of its values.</summary>
    protected void ScaleKeys(CodeWriter writer)
    {
        if (!context.ScalesTokens)
        {
            return;
        }

        writer.Add("""
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                const float2 key_scale = vload2(0, scales + j * 8 + lane % 4 * 2);
                #pragma unroll
                for (int b = 0; b < ROW_BLOCKS; b++)
                {
                    score[b][j].lo *= key_scale;
                    score[b][j].hi *= key_scale;
                }
            }

            """);
    }

    /// <summary>
    /// Statements of a row block: probabilities times the scales of their values, as multiples of the row's largest so far so that 16 bits
    /// suffice, whatever the scales of values that the row does not see or has little of.
    /// </summary>
    private string ScaleProbabilities => !context.ScalesTokens ? "" : $$"""

            float unit0 = 0.0f;
            float unit1 = 0.0f;
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                const float2 value_scale = vload2(0, scales + {{ValueScalesAt}} + j * 8 + lane % 4 * 2);
                score[b][j].lo *= value_scale;
                score[b][j].hi *= value_scale;
                unit0 = fmax(unit0, fmax(score[b][j].s0, score[b][j].s1));
                unit1 = fmax(unit1, fmax(score[b][j].s2, score[b][j].s3));
            }
            const float before0 = row_unit[b][0] * rescale0;
            const float before1 = row_unit[b][1] * rescale1;
            unit0 = fmax(before0, row_maximum(unit0));
            unit1 = fmax(before1, row_maximum(unit1));
            const float inverse0 = unit0 > 0.0f ? 1.0f / unit0 : 0.0f;
            const float inverse1 = unit1 > 0.0f ? 1.0f / unit1 : 0.0f;
            const float unit_rescale0 = before0 * inverse0;
            const float unit_rescale1 = before1 * inverse1;
            row_unit[b][0] = unit0;
            row_unit[b][1] = unit1;
            #pragma unroll
            for (int j = 0; j < KEY_BLOCKS; j++)
            {
                score[b][j].lo *= inverse0;
                score[b][j].hi *= inverse1;
            }

        """;

    /// <summary>Sums of whole rows, and outputs in units of 1.</summary>
    protected void TotalRows(CodeWriter writer) => writer.Add($$"""
        #pragma unroll
        for (int b = 0; b < ROW_BLOCKS; b++)
        {
            row_sum[b][0] = row_total(row_sum[b][0]);
            row_sum[b][1] = row_total(row_sum[b][1]);{{(context.ScalesTokens ? """

                #pragma unroll
                for (int c = 0; c < VALUE_BLOCKS; c++)
                {
                    output[b][c].lo *= row_unit[b][0];
                    output[b][c].hi *= row_unit[b][1];
                }
            """ : "")}}
        }

        """);

    /// <summary>Stores the rows of a warp that has all of their keys.</summary>
    protected void StoreRows(CodeWriter writer)
    {
        writer.Add("uint poisoned = 0; // bit r: in the r-th of this work-item's rows something is not finite, or scores are so large that a multiply-add is not exact enough").Add("#pragma unroll");
        writer.Open("for (int r = 0; r < 2 * ROW_BLOCKS; r++)");
        writer.Add("""
            const int row_of_item = warp_row + lane / 4 + r * 8;
            const float sum = row_sum[r / 2][r % 2];
            const float maximum = row_max[r / 2][r % 2];
            """);
        writer.Open("if (row_of_item < item.row_count)");
        StoreRow(writer, OneWorkItemOfRow, () => writer.Add($$"""
            float2 zero[2] = { (float2)(0.0f), (float2)(0.0f) }; // NaN if something is not finite; sums that do not wait for one another
            #pragma unroll
            for (int c = 0; c < VALUE_BLOCKS; c++)
            {
                const float2 o = (r % 2 == 0 ? output[r / 2][c].lo : output[r / 2][c].hi) * inverse;
                zero[c % 2] += o * 0.0f;
                const int d = {{FirstColumn}}c * 8 + lane % 4 * 2;
                if (is_final)
                {
                    *(global uint*)(outputs + to * VALUE_DIM + d) = pack(o.s0, o.s1);
                }
                else
                {
                    vstore2(o, 0, partial_outputs + to * VALUE_DIM + d);
                }
            }
            poisoned |= any(isnan(zero[0] + zero[1])){{OrIsLarge}} ? 1u << r : 0;
            """));
        writer.Close().Close();
        writer.Add(AfterStores);
        writer.Open("for (int r = 0; r < 2 * ROW_BLOCKS; r++)");
        writer.Add("const uint rows = ballot(poisoned >> r & 1); // four work-items have a row");
        writer.Open("for (int i = 0; i < 8 && rows != 0; i++)");
        writer.Add("const int row_of_item = warp_row + r * 8 + i;");
        WriteExactRow(writer, "rows >> (4 * i) & 15");
        writer.Close().Close();
    }

    /// <summary>Expression with a leading or: whether scores are so large that the multiply-add of their scale and the maximum is off. Score steps have rounded theirs.</summary>
    private string OrIsLarge => context.Rules.Transforms ? "" : " || is_large(maximum)";

    /// <summary>Calculates the row <c>row_of_item</c> again, all work-items of a warp together, where that is needed.</summary>
    private void WriteExactRow(CodeWriter writer, string isNeeded)
    {
        string columns = FirstColumn.Length == 0 ? "VALUE_DIM" : "(VALUE_BLOCKS * 8)";
        var team = new RowTeam(
            "32", Lanes: 1, "lane", $"(({columns} + 31) / 32)", $"{FirstColumn}lane + c * 32", $"lane + c * 32 < {columns}", "", "shuffle_from(own, i)", "");
        ExactRows.Write(writer, context, team, "row_of_item", isNeeded);
    }

    /// <summary>Writes the row <c>row_of_item</c> with <c>sum</c> and <c>maximum</c>: its output by <paramref name="store"/>, its LSE or state by one work-item.</summary>
    protected void StoreRow(CodeWriter writer, string oneWorkItem, Action store)
    {
        ScoreRules rules = context.Rules;
        string denominator = Spec.Sinks ? "(sum + sink)" : "sum";
        string sink = Spec.Sinks
            ? $"\nconst float sink = is_final ? exp2({rules.SinkPower("sinks[kv_head * GROUP + (item.first_row + row_of_item) % GROUP]", "maximum")}) : 0.0f;"
            : "";
        writer.Add($$"""
            // A row that saw no key has the sum 0: output 0, LSE -inf.
            const int is_final = item.partial_row < 0;{{sink}}
            const float inverse = sum == 0.0f ? 0.0f : {{context.OutputFactor}} / {{denominator}};
            const long to = is_final ? packed_row(item, kv_head, row_of_item) : (long)(item.partial_row + row_of_item) * KV_HEADS + kv_head;
            """);
        store();
        writer.Add($$"""
            if ({{oneWorkItem}} && is_final)
            {
                lse[to] = sum == 0.0f ? -INFINITY : {{rules.Natural("maximum")}} + log(sum);
            }
            else if ({{oneWorkItem}})
            {
                partial_states[to] = (float2)(maximum, sum);
            }
            """);
    }

    private void EachScore(CodeWriter writer, string statements)
    {
        writer.Add("#pragma unroll").Open("for (int b = 0; b < ROW_BLOCKS; b++)");
        writer.Add($"{SkipEmptyBlock}#pragma unroll").Open("for (int j = 0; j < KEY_BLOCKS; j++)");
        writer.Add($"const int key = {FirstKey};");
        writer.Add(statements);
        writer.Close().Close();
    }

    /// <summary>A statement for each of the four scores of a block, which are two keys of two rows.</summary>
    private string Elements(Func<int, int, string> statement) =>
        string.Join("\n", Enumerable.Range(0, 4).Select(element => statement(element, RowOf(element))));
}
