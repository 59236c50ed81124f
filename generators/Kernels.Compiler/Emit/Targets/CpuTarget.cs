using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>A CPU: one work-item does all the work of a tile, in explicit vectors, without local memory and barriers.</summary>
internal sealed class CpuTarget : Target
{
    public override string DisplayName => "cpu (one work-item owns a tile, vectors hold one value for each row)";

    public override FlashSteps Flash(KernelContext context, FlashForm form) =>
        new CpuFlash(context, form == FlashForm.Prefill ? context.Plan.Prefill : context.Plan.Decode);
}

/// <summary>
/// The lanes of a vector are query rows, so that maximum, sum and rescaling need no exchange between lanes, and an element
/// of a key or value is broadcast to all of them.
/// </summary>
internal sealed class CpuFlash(KernelContext context, TilePlan tile) : FlashSteps
{
    private readonly AttentionSpec spec = context.Spec;
    private readonly int accumulators = CpuPlanner.Accumulators(context.Spec);

    /// <summary>Whether whole tiles are read where they lie: float32 rows one after the other.</summary>
    private bool ReadsInPlace => spec.ResolvedCacheStorage == ElementType.Float32 && context.Addressing.RowsAreAdjacent;

    /// <summary>Widths in which rows of the cache are loaded: single elements only at the end of a row.</summary>
    private IEnumerable<int> LoadWidths =>
        new[] { spec.HeadDim, spec.ResolvedValueDim }.SelectMany(dim => new[] { dim >= 16 ? 16 : 1, dim % 16 == 0 ? 16 : 1 }).Distinct();

    public override TilePlan Tile => tile;

    public override void DeclareFunctions(CodeWriter writer)
    {
        LaneVocabulary.Declare(writer, CpuPlanner.Lanes, spec);
        writer.Add("""
            // 2^x for x <= 0, 0 below 2^-126: x = n + f with f in [-1/2, 1/2], a polynomial for 2^f, n added to the exponent.
            static lanes_float exp2_lanes(lanes_float x)
            {
                const lanes_float bounded = fmax(x, (lanes_float)(-126.0f));
                const lanes_float shifted = bounded + 12582912.0f; // 1.5 x 2^23: the sum has n in its low bits
                const lanes_float f = bounded - (shifted - 12582912.0f);
                lanes_float y = (lanes_float)(1.3276472e-3f);
                y = fma(y, f, (lanes_float)(9.6755413e-3f));
                y = fma(y, f, (lanes_float)(5.5507133e-2f));
                y = fma(y, f, (lanes_float)(2.4022120e-1f));
                y = fma(y, f, (lanes_float)(6.9314697e-1f));
                y = fma(y, f, (lanes_float)(1.0f));
                y = as_float16(as_int16(y) + (as_int16(shifted) << 23));
                return select(y, (lanes_float)(0.0f), x < -126.0f);
            }
            """).Line();
        Prelude.Helpers(writer, [.. LoadWidths.Select(context.Cache.LoadHelper)]);
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add($$"""
            lanes_float query[HEAD_DIM]; // query[d] has element d of every row
            lanes_float output[VALUE_DIM];
            lanes_float p[KEYS]; // scores, then probabilities: p[j] has those of key j
            float tile[KEYS * {{(spec.HeadDim >= spec.ResolvedValueDim ? "HEAD_DIM" : "VALUE_DIM")}}]; // keys or values that cannot be read where they lie
            lanes_float row_max = (lanes_float)(-INFINITY);
            lanes_float row_sum = (lanes_float)(0.0f);
            for (int d = 0; d < HEAD_DIM; d++)
            {
                query[d] = (lanes_float)(0.0f);
            }
            for (int row = 0; row < item.row_count; row++)
            {
                global const {{context.Storage.StorageType}}* from = queries + packed_row(item, kv_head, row) * HEAD_DIM;
                for (int d = 0; d < HEAD_DIM; d++)
                {
                    ((float*)query)[d * ROWS + row] = {{context.Storage.Load("from", "d", 1)}} * {{context.QueryFactor}};
                }
            }
            for (int c = 0; c < VALUE_DIM; c++)
            {
                output[c] = (lanes_float)(0.0f);
            }
            """);
        if (context.Rope.IsOn)
        {
            writer.Add($$"""
                for (int row = 0; row < item.row_count; row++)
                {
                    global const float2* angles = query_angles(item, row, rope);
                    for (int i = 0; i < ROTARY_DIM / 2; i++)
                    {
                        float* const first = (float*)query + ({{context.Rope.First("i")}}) * ROWS + row;
                        float* const second = (float*)query + ({{context.Rope.Second("i")}}) * ROWS + row;
                        const float2 x = turn_pair(*first, *second, angles[i]);
                        *first = x.s0;
                        *second = x.s1;
                    }
                }
                """);
        }

        if (context.Rules.NeedsRows)
        {
            writer.Add($"""
                const lanes_int lane = (lanes_int)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                const Row row = {context.Rules.MakeRow}min(lane, item.row_count - 1));
                """);
        }
    }

    public override void Transform(CodeWriter writer)
    {
        writer.Open("for (int j = 0; j < KEYS; j++)");
        writer.Add($"p[j] = transform_score(p[j], row, (lanes_int)(min(first_key + j, item.kv_end - 1)){context.Rules.TransformArguments});");
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        Rows(writer, "key", "keys", spec.HeadDim, "HEAD_DIM");
        writer.Open($"for (int j = 0; j < KEYS; j += {accumulators})");
        writer.Add("const float* k = key_rows + j * HEAD_DIM;");
        Named(writer, accumulators, i => $"lanes_float s{i} = (lanes_float)(0.0f);");
        writer.Add("#pragma unroll 4");
        writer.Open("for (int d = 0; d < HEAD_DIM; d++)");
        writer.Add("const lanes_float q = query[d];");
        Named(writer, accumulators, i => $"s{i} = fma(q, (lanes_float)(k[{i} * HEAD_DIM + d]), s{i});");
        writer.Close();
        Named(writer, accumulators, i => $"p[j + {i}] = s{i};");
        writer.Close().Line();
        if (context.ScalesTokens)
        {
            writer.Add("float value_scale[KEYS];");
            writer.Open("for (int j = 0; j < KEYS; j++)");
            writer.Add($"""
                const long at = scale_index(sequence, kv_head, min(first_key + j, item.kv_end - 1), {context.Addressing.Arguments});
                p[j] *= key_scales[at];
                value_scale[j] = value_scales[at];
                """);
            writer.Close().Line();
        }
    }

    public override void Hide(CodeWriter writer)
    {
        writer.Open("for (int j = 0; j < KEYS; j++)");
        writer.Add(context.Rules.HidesKeys
            ? $"""
                const int key = first_key + j;
                const lanes_int visible = is_visible(row, (lanes_int)(min(key, item.kv_end - 1)){context.Rules.VisibleArguments}) && key < item.kv_end;
                p[j] = lanes_select((lanes_float)(-INFINITY), p[j], visible);
                """
            : "p[j] = first_key + j < item.kv_end ? p[j] : (lanes_float)(-INFINITY);");
        writer.Close();
    }

    public override void Softmax(CodeWriter writer) => writer.Add($$"""

        lanes_float new_max = row_max;
        for (int j = 0; j < KEYS; j++)
        {
            new_max = fmax(new_max, p[j]);
        }

        // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
        const lanes_float base = select(new_max, (lanes_float)(0.0f), new_max == -INFINITY);
        const lanes_float rescale = exp2_lanes(row_max - base);
        row_max = new_max;
        row_sum *= rescale;
        for (int j = 0; j < KEYS; j++)
        {
            p[j] = exp2_lanes(p[j] - base);
            row_sum += p[j];{{(context.ScalesTokens ? "\n            p[j] *= value_scale[j];" : "")}}
        }

        """);

    public override void Accumulate(CodeWriter writer)
    {
        Rows(writer, "value", "values", spec.ResolvedValueDim, "VALUE_DIM");
        int whole = spec.ResolvedValueDim / accumulators * accumulators;
        if (whole > 0)
        {
            writer.Open($"for (int c = 0; c < {whole}; c += {accumulators})");
            Columns(writer, "c", accumulators);
            writer.Close();
        }

        if (whole < spec.ResolvedValueDim)
        {
            writer.Open();
            Columns(writer, C.Int(whole), spec.ResolvedValueDim - whole);
            writer.Close();
        }
    }

    public override void Finish(CodeWriter writer) => writer.Add($$"""
        const int is_final = item.partial_row < 0;
        for (int row = 0; row < item.row_count; row++)
        {
            const float maximum = ((const float*)&row_max)[row];
            const float sum = ((const float*)&row_sum)[row]; // 0 in a row that saw no key: output 0, LSE -inf
            const float inverse = sum > 0.0f ? {{context.OutputFactor}} / sum : 0.0f;
            const float* o = (const float*)output + row;
            if (is_final)
            {
                const long to = packed_row(item, kv_head, row);{{(spec.Sinks ? $"\n                const float final_inverse = sum > 0.0f ? {context.OutputFactor} / (sum + exp2(sinks[to % QUERY_HEADS] * LOG2_E - maximum)) : 0.0f;" : "")}}
                global {{context.Storage.StorageType}}* out = outputs + to * VALUE_DIM;
                for (int c = 0; c < VALUE_DIM; c++)
                {
                    {{context.Storage.Store("out + c", spec.Sinks ? "o[c * ROWS] * final_inverse" : "o[c * ROWS] * inverse")}}
                }
                lse[to] = sum > 0.0f ? maximum * LN_2 + log(sum) : -INFINITY;
            }
            else
            {
                const long to = (long)(item.partial_row + row) * KV_HEADS + kv_head;
                for (int c = 0; c < VALUE_DIM; c++)
                {
                    partial_outputs[to * VALUE_DIM + c] = o[c * ROWS] * inverse;
                }
                partial_states[to] = (float2)(maximum, sum);
            }
        }
        """);

    /// <summary>The output's columns from <paramref name="first"/> on, summed in registers over the tile's keys.</summary>
    private static void Columns(CodeWriter writer, string first, int count)
    {
        writer.Add($"const float* v = value_rows + {first};");
        Named(writer, count, i => $"lanes_float o{i} = output[{first} + {i}] * rescale;");
        writer.Open("for (int j = 0; j < KEYS; j++)");
        writer.Add("const lanes_float w = p[j];");
        Named(writer, count, i => $"o{i} = fma(w, (lanes_float)(v[j * VALUE_DIM + {i}]), o{i});");
        writer.Close();
        Named(writer, count, i => $"output[{first} + {i}] = o{i};");
    }

    /// <summary>Declares <c>key_rows</c> or <c>value_rows</c>: the tile's rows as float32, one after the other.</summary>
    private void Rows(CodeWriter writer, string what, string cache, int dim, string dimName)
    {
        string row = $"{cache} + {what}_row(sequence, kv_head, min(first_key + j, item.kv_end - 1), {context.Addressing.Arguments})";
        if (ReadsInPlace)
        {
            writer.Add($"const float* {what}_rows = (const float*)(size_t)({cache} + {what}_row(sequence, kv_head, first_key, {context.Addressing.Arguments})); // a CPU has one address space");
            writer.Open("if (first_key + KEYS > item.kv_end)");
        }

        writer.Add("// Rows past the last key repeat it, so that nothing unwritten is read; their scores are hidden.");
        writer.Open("for (int j = 0; j < KEYS; j++)");
        writer.Add($"global const {context.Cache.StorageType}* from = {row};");
        int whole = dim / 16 * 16;
        if (whole > 0)
        {
            writer.Open($"for (int d = 0; d < {whole}; d += 16)");
            writer.Add($"vstore16({context.Cache.Load("from", "d", 16)}, 0, tile + j * {dimName} + d);");
            writer.Close();
        }

        if (whole < dim)
        {
            writer.Open($"for (int d = {whole}; d < {dimName}; d++)");
            writer.Add($"tile[j * {dimName} + d] = {context.Cache.Load("from", "d", 1)};");
            writer.Close();
        }

        writer.Close();
        if (ReadsInPlace)
        {
            writer.Add($"{what}_rows = tile;");
            writer.Close();
        }
        else
        {
            writer.Add($"const float* {what}_rows = tile;");
        }

        writer.Line();
    }

    private static void Named(CodeWriter writer, int count, Func<int, string> line)
    {
        for (int i = 0; i < count; i++)
        {
            writer.Add(line(i));
        }
    }
}
