using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>What both forms of the cpu target share.</summary>
internal abstract class CpuFlash(KernelContext context) : FlashSteps
{
    protected AttentionSpec Spec => context.Spec;

    protected KernelContext Context => context;

    public override int ScoreLanes => CpuPlanner.Lanes;

    public override Holes Fill(Holes around) => new(around)
    {
        { "lane_vocabulary", CodeWriter.Text(text => LaneVocabulary.Declare(text, CpuPlanner.Lanes, Spec)) },
        { "load_widths", LoadWidths },
    };

    public override void DeclareFunctions(CodeWriter writer)
    {
        LaneVocabulary.Declare(writer, CpuPlanner.Lanes, Spec);
        writer.Add("""
            // 2^x for x <= 0, 0 where it is smaller than a normal number, NaN of NaN: x = n + f with f in [-1/2, 1/2], a polynomial for 2^f, times 2^n.
            static lanes_float exp2_lanes(lanes_float x)
            {
            #ifdef __AVX512DQ__ // has both steps around the polynomial
                const lanes_float f = __builtin_ia32_reduceps512_mask(x, 0, x, (ushort)-1, 4);
            #else
                const lanes_float bounded = x < -127.0f ? (lanes_float)(-127.0f) : x;
                const lanes_float shifted = bounded + 12582912.0f; // 1.5 x 2^23: the sum has n in its low bits
                const lanes_float f = bounded - (shifted - 12582912.0f);
            #endif
                lanes_float y = (lanes_float)(1.3276472e-3f);
                y = fma(y, f, (lanes_float)(9.6755413e-3f));
                y = fma(y, f, (lanes_float)(5.5507133e-2f));
                y = fma(y, f, (lanes_float)(2.4022120e-1f));
                y = fma(y, f, (lanes_float)(6.9314697e-1f));
                y = fma(y, f, (lanes_float)(1.0f));
            #ifdef __AVX512DQ__
                const ushort counts = __builtin_ia32_cmpps512_mask(x, (lanes_float)(-126.0f), 22, (ushort)-1, 4); // 22: not less, or NaN
                return __builtin_ia32_scalefps512_mask(y, x - f, (lanes_float)(0.0f), counts, 4); // y * 2^(x - f)
            #else
                return y * as_float16((as_int16(shifted) + 127) << 23); // 2^n; 0 for n = -127
            #endif
            }
            """).Line();
        Prelude.Helpers(writer, [.. LoadWidths.Select(context.Cache.LoadHelper)]);
    }

    /// <summary>The step from the maximum so far to a new one: scores are taken from <paramref name="origin"/>, what was accumulated is to be multiplied with <paramref name="rescale"/>; <paramref name="declares"/> these two.</summary>
    protected void MoveMaximum(CodeWriter writer, string maximum, string newMaximum, string origin, string rescale, bool declares) => writer.Add($"""
        // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
        {(declares ? "const lanes_float " : "")}{origin} = select({newMaximum}, (lanes_float)(0.0f), {newMaximum} == -INFINITY);
        {(declares ? "const lanes_float " : "")}{rescale} = exp2_lanes({Context.Rules.Power(maximum, origin)});
        {maximum} = {newMaximum};
        """);

    /// <summary>Widths in which rows of the cache are loaded: single elements only at the end of a row.</summary>
    private IEnumerable<int> LoadWidths =>
        new[] { Spec.HeadDim, Spec.ResolvedValueDim }.SelectMany(dim => new[] { dim >= 16 ? 16 : 1, dim % 16 == 0 ? 16 : 1 }).Distinct();

    /// <summary>Rope on the queries where they lie.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="element">Gives the expression: pointer to an element of <c>row</c>'s query.</param>
    protected void TurnQueries(CodeWriter writer, Func<string, string> element)
    {
        if (!context.Rope.IsOn)
        {
            return;
        }

        writer.Open("for (int row = 0; row < item.row_count; row++)");
        writer.Add("global const float2* angles = query_angles(item, row, rope);");
        writer.Open("for (int i = 0; i < ROTARY_DIM / 2; i++)");
        writer.Add($"""
            float* const first = {element(context.Rope.First("i"))};
            float* const second = {element(context.Rope.Second("i"))};
            const float2 x = turn_pair(*first, *second, angles[i]);
            *first = x.s0;
            *second = x.s1;
            """);
        writer.Close().Close();
    }

    /// <summary>Stores the item's rows: as outputs and LSEs, or as partial states.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="maximum">Expression: the maximum of <c>row</c>.</param>
    /// <param name="sum">Expression: the sum of <c>row</c>.</param>
    /// <param name="output">Expression: element <c>c</c> of what <c>row</c> accumulated.</param>
    /// <param name="isPoisoned">Expression: whether something that <c>row</c> accumulated is not finite.</param>
    protected void StoreRows(CodeWriter writer, string maximum, string sum, string output, string isPoisoned) => StoreStates(writer, maximum, sum, "log(sum)", partial =>
    {
        if (!partial)
        {
            writer.Add($"global {context.Storage.StorageType}* out = outputs + to * VALUE_DIM;");
        }

        writer.Open("for (int c = 0; c < VALUE_DIM; c++)");
        writer.Add(partial ? $"partial_outputs[to * VALUE_DIM + c] = {output} * factor;" : context.Storage.Store("out + c", $"{output} * factor"));
        writer.Close();
    }, () => ExactRows.Write(writer, context, RowTeam.Vector(CpuPlanner.Lanes), "row", isPoisoned));

    /// <summary>Stores the LSEs or the partial states of the item's rows.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="maximum">Expression: the maximum of <c>row</c>.</param>
    /// <param name="sum">Expression: the sum of <c>row</c>.</param>
    /// <param name="logOfSum">Expression: its natural logarithm.</param>
    /// <param name="storeOutput">Writes what becomes of a row's output, to be multiplied with <c>factor</c>; told whether it is a partial one. <c>to</c> is its place among its kind.</param>
    /// <param name="afterRow">Writes what else is to be done for a row.</param>
    protected void StoreStates(CodeWriter writer, string maximum, string sum, string logOfSum, Action<bool> storeOutput, Action? afterRow = null)
    {
        ScoreRules rules = context.Rules;
        string denominator = Spec.Sinks ? $"(sum + exp2({rules.SinkPower("sinks[to % QUERY_HEADS]", "maximum")}))" : "sum";
        writer.Open("for (int row = 0; row < item.row_count; row++)");
        writer.Add($"""
            const float maximum = {maximum};
            const float sum = {sum}; // 0 in a row that saw no key: output 0, LSE -inf
            """);
        writer.Open("if (item.partial_row < 0)");
        writer.Add($"""
            const long to = packed_row(item, kv_head, row);
            const float factor = sum == 0.0f ? 0.0f : {context.OutputFactor} / {denominator};
            """);
        storeOutput(false);
        writer.Add($"lse[to] = sum == 0.0f ? -INFINITY : {rules.Natural("maximum")} + {logOfSum};");
        writer.Close();
        writer.Open("else");
        writer.Add($"""
            const long to = (long)(item.partial_row + row) * KV_HEADS + kv_head;
            const float factor = sum == 0.0f ? 0.0f : {context.OutputFactor} / sum;
            """);
        storeOutput(true);
        writer.Add("partial_states[to] = (float2)(maximum, sum);");
        writer.Close();
        afterRow?.Invoke();
        writer.Close();
    }

    /// <summary>The line for each number below <paramref name="count"/>.</summary>
    protected static void Named(CodeWriter writer, int count, Func<int, string> line)
    {
        for (int i = 0; i < count; i++)
        {
            writer.Add(line(i));
        }
    }
}
