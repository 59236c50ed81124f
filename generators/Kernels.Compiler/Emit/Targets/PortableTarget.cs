using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Targets.Portable;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>OpenCL C 1.2 without extensions: the tile lies in local memory, and a work-group's work-items form a grid over it.</summary>
internal sealed class PortableTarget : Target
{
    public override string DisplayName => "portable (OpenCL C 1.2, no extensions)";

    public override FlashSteps Flash(KernelContext context, FlashForm form) =>
        Variant(context, form == FlashForm.Prefill ? context.Plan.Prefill : context.Plan.Decode);

    public override FlashSteps Variant(KernelContext context, TilePlan tile) => tile switch
    {
        PortablePieceTile pieces => new PortablePieceFlash(context, pieces),
        PortableSliceTile slices => new PortableSlices(context, slices),
        _ => new PortableGrid(context, tile),
    };
}

/// <summary>
/// Work-item (x, y) has the rows y, y + THREADS_Y, … and of each the keys, and later the columns of the output, x,
/// x + THREADS_X, …. Queries, one tile of keys or values, and the scores are in local memory as float32.
/// </summary>
internal class PortableFlash(KernelContext context, TilePlan tile) : FlashSteps
{
    private readonly AttentionSpec spec = context.Spec;

    protected KernelContext Context => context;

    private int ValueDim4 => (spec.ResolvedValueDim + 3) / 4;

    private int Columns => (ValueDim4 + tile.ThreadsX - 1) / tile.ThreadsX;

    /// <summary>Widths in which rows of the cache are loaded: single elements only at the end of a row.</summary>
    private int[] LoadWidths => spec.HeadDim % 4 == 0 && (spec.LatentCache || spec.ResolvedValueDim % 4 == 0) ? [4] : [1, 4];

    private bool ColumnsAreWhole => ValueDim4 % tile.ThreadsX == 0;

    public override TilePlan Tile => tile;

    public override bool CallsValueRow => !spec.LatentCache;

    /// <summary>Expressions: the work-item's place along the keys and along the rows.</summary>
    protected virtual (string X, string Y) Place => ("get_local_id(0) % THREADS_X", "get_local_id(0) / THREADS_X");

    /// <summary>Expression: float4s between rows of the tile that holds keys first and values later.</summary>
    protected virtual string KvStride => C.Int(PortablePlanner.KvStride(spec));

    /// <summary>Expression: float4s of that tile.</summary>
    protected virtual string KvFloat4s => "KEYS * KV_STRIDE";

    /// <summary>Expression: float4s of a row that work-items share to find its maximum.</summary>
    protected virtual string SharedFloat4s => "KEYS / 4";

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define THREADS_X {tile.ThreadsX} // work-items along the keys and along the columns of the output
        #define THREADS_Y {tile.ThreadsY} // work-items along the rows
        #define WORK_GROUP (THREADS_X * THREADS_Y)
        #define ROWS_EACH {tile.Rows / tile.ThreadsY} // rows of one work-item
        #define KEYS_EACH {tile.Keys / tile.ThreadsX} // keys of one work-item
        #define COLUMNS_EACH {Columns} // float4 columns of the output of one work-item

        // In float4s. Strides are odd, so that rows begin in different banks of local memory.
        #define HEAD_DIM4 {(spec.HeadDim + 3) / 4}
        #define VALUE_DIM4 {ValueDim4}
        #define QUERY_STRIDE {PortablePlanner.TileStride(spec.HeadDim)}
        #define KV_STRIDE {KvStride}
        #define SCORE_STRIDE {PortablePlanner.ScoreStride(tile.Keys)}
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        if (context.Rules.NeedsRows)
        {
            LaneVocabulary.Declare(writer, 1, spec);
        }

        DeclareLoads(writer);
        Prelude.LoadFunction(writer, "load_query", context.Storage, spec.HeadDim, "HEAD_DIM");
        Prelude.StoreFunction(writer, "store_output", context.Storage, spec.ResolvedValueDim, "VALUE_DIM");
        Prelude.StoreFunction(writer, "store_partial", new Float32Codec(), spec.ResolvedValueDim, "VALUE_DIM");
    }

    /// <summary>Functions by which keys and values are loaded.</summary>
    protected virtual void DeclareLoads(CodeWriter writer)
    {
        Prelude.Helpers(writer, [.. LoadWidths.Select(context.Cache.LoadHelper)]);
        Prelude.LoadFunction(writer, "load_key", context.Cache, spec.HeadDim, "HEAD_DIM");
        if (!spec.LatentCache)
        {
            Prelude.LoadFunction(writer, "load_value", context.Cache, spec.ResolvedValueDim, "VALUE_DIM");
        }
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add($$"""
            local float4 query_tile[ROWS * QUERY_STRIDE];
            local float4 kv_tile[{{KvFloat4s}}]; // keys, then values
            local float4 score_tile[ROWS * SCORE_STRIDE];
            local float* const scores = (local float*)score_tile;
            const int x = {{Place.X}};
            const int y = {{Place.Y}};

            {{LoadQueries(context)}}
            float row_max[ROWS_EACH];
            float row_sum[ROWS_EACH]; // over this work-item's keys only; added up at the end
            float4 output[ROWS_EACH][COLUMNS_EACH];
            for (int i = 0; i < ROWS_EACH; i++)
            {
                row_max[i] = -INFINITY;
                row_sum[i] = 0.0f;
                for (int c = 0; c < COLUMNS_EACH; c++)
                {
                    output[i][c] = (float4)(0.0f);
                }
            }
            """);
        if (context.Rules.NeedsRows)
        {
            writer.Line();
            writer.Add($$"""
                Row row[ROWS_EACH];
                for (int i = 0; i < ROWS_EACH; i++)
                {
                    row[i] = {{context.Rules.MakeRow}}min(y + i * THREADS_Y, item.row_count - 1));
                }
                """);
        }
    }

    /// <summary>Loads the item's queries into <c>query_tile</c>, rows of <c>QUERY_STRIDE</c> float4s, and turns them; a barrier must follow.</summary>
    public static string LoadQueries(KernelContext context) => $$"""
        for (int i = get_local_id(0); i < ROWS * HEAD_DIM4; i += WORK_GROUP)
        {
            const int row = i / HEAD_DIM4;
            const int column = i % HEAD_DIM4;
            float4 q = (float4)(0.0f);
            if (row < item.row_count)
            {
                q = load_query(queries + packed_row(item, kv_head, row) * HEAD_DIM, column * 4) * {{context.QueryFactor}};
            }
            query_tile[row * QUERY_STRIDE + column] = q;
        }
        {{TurnQueries(context)}}
        """;

    /// <summary>Rope on the queries where they lie.</summary>
    private static string TurnQueries(KernelContext context) => !context.Rope.IsOn ? "" : $$"""
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = get_local_id(0); i < item.row_count * (ROTARY_DIM / 2); i += WORK_GROUP)
        {
            const int row = i / (ROTARY_DIM / 2);
            const int pair = i % (ROTARY_DIM / 2);
            local float* const q = (local float*)(query_tile + row * QUERY_STRIDE);
            const float2 turned = turn_pair(q[{{context.Rope.First("pair")}}], q[{{context.Rope.Second("pair")}}], query_angles(item, row, rope)[pair]);
            q[{{context.Rope.First("pair")}}] = turned.s0;
            q[{{context.Rope.Second("pair")}}] = turned.s1;
        }
        """;

    public override void Scores(CodeWriter writer)
    {
        writer.Add("barrier(CLK_LOCAL_MEM_FENCE); // the tile before is no longer read");
        LoadTile(writer, "HEAD_DIM4", "load_key", "keys", "key_row");
        writer.Add("""
            barrier(CLK_LOCAL_MEM_FENCE);

            float score[ROWS_EACH][KEYS_EACH];
            for (int i = 0; i < ROWS_EACH; i++)
            {
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    score[i][j] = 0.0f;
                }
            }
            for (int d = 0; d < HEAD_DIM4; d++)
            {
                float4 k[KEYS_EACH];
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    k[j] = kv_tile[(x + j * THREADS_X) * KV_STRIDE + d];
                }
                for (int i = 0; i < ROWS_EACH; i++)
                {
                    const float4 q = query_tile[(y + i * THREADS_Y) * QUERY_STRIDE + d];
                    for (int j = 0; j < KEYS_EACH; j++)
                    {
                        score[i][j] += dot(q, k[j]);
                    }
                }
            }
            """);
        ScaleScores(writer);
    }

    /// <summary>Scores times the scales of their keys, where tokens have scales.</summary>
    protected void ScaleScores(CodeWriter writer)
    {
        if (context.ScalesTokens)
        {
            writer.Add($$"""
                float value_scale[KEYS_EACH];
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    const long at = scale_index(sequence, kv_head, min(first_key + x + j * THREADS_X, item.kv_end - 1), {{context.Addressing.Arguments}});
                    const float key_scale = key_scales[at];
                    value_scale[j] = value_scales[at];
                    for (int i = 0; i < ROWS_EACH; i++)
                    {
                        score[i][j] *= key_scale;
                    }
                }
                """);
        }

        writer.Line();
    }

    public override void Transform(CodeWriter writer) => EachScore(writer, $"""
        const int key = min(first_key + x + j * THREADS_X, item.kv_end - 1);
        score[i][j] = transform_score(score[i][j], row[i], key{context.Rules.TransformArguments});
        """);

    public override void Hide(CodeWriter writer) => EachScore(writer, context.Rules.HidesKeys
        ? $"""
            const int key = first_key + x + j * THREADS_X;
            const int visible = key < item.kv_end && is_visible(row[i], min(key, item.kv_end - 1){context.Rules.VisibleArguments});
            score[i][j] = visible ? score[i][j] : -INFINITY;
            """
        : "score[i][j] = first_key + x + j * THREADS_X < item.kv_end ? score[i][j] : -INFINITY;");

    private static void EachScore(CodeWriter writer, string statements)
    {
        writer.Open("for (int i = 0; i < ROWS_EACH; i++)").Open("for (int j = 0; j < KEYS_EACH; j++)");
        writer.Add(statements);
        writer.Close().Close();
    }

    public override void Softmax(CodeWriter writer)
    {
        writer.Line();
        ShareScores(writer);
        writer.Add("barrier(CLK_LOCAL_MEM_FENCE);").Line();
        LoadValues(writer);
        ScoreRules rules = context.Rules;
        string probability = context.ScalesTokens ? "p * value_scale[j]" : "p";
        writer.Add($$"""
            float row_base[ROWS_EACH];
            for (int i = 0; i < ROWS_EACH; i++)
            {
                float4 top = (float4)(row_max[i]);
                for (int j = 0; j < {{SharedFloat4s}}; j++)
                {
                    top = fmax(top, score_tile[(y + i * THREADS_Y) * SCORE_STRIDE + j]);
                }
                const float new_max = fmax(fmax(top.s0, top.s1), fmax(top.s2, top.s3));

                // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
                row_base[i] = new_max == -INFINITY ? 0.0f : new_max;
                const float rescale = exp2({{rules.Power("row_max[i]", "row_base[i]")}});
                row_max[i] = new_max;
                row_sum[i] *= rescale;
                for (int c = 0; c < COLUMNS_EACH; c++)
                {
                    output[i][c] *= rescale;
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE); // what the rows shared has been read

            for (int i = 0; i < ROWS_EACH; i++)
            {
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    const float p = exp2({{rules.Power("score[i][j]", "row_base[i]")}});
                    row_sum[i] += p;
                    scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x + j * THREADS_X] = {{probability}};
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);

            """);
    }

    /// <summary>Writes into <c>score_tile</c> what the work-items of a row share to find its maximum.</summary>
    protected virtual void ShareScores(CodeWriter writer) => writer.Add("""
        for (int i = 0; i < ROWS_EACH; i++)
        {
            for (int j = 0; j < KEYS_EACH; j++)
            {
                scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x + j * THREADS_X] = score[i][j];
            }
        }
        """);

    /// <summary>Loads or asks for values, when all keys have been used; a barrier follows.</summary>
    protected virtual void LoadValues(CodeWriter writer)
    {
        if (!spec.LatentCache)
        {
            writer.Add("// The keys have been used: their place takes the values while the rows find their new maximum.");
            LoadTile(writer, "VALUE_DIM4", "load_value", "values", "value_row");
        }
    }

    public override void Accumulate(CodeWriter writer)
    {
        // In a latent cache the keys are there still, and their first elements are the values.
        const string value = "kv_tile[j * KV_STRIDE + x + c * THREADS_X]";
        writer.Add($$"""
            for (int j = 0; j < KEYS; j++)
            {
                float4 v[COLUMNS_EACH];
                for (int c = 0; c < COLUMNS_EACH; c++)
                {
                    v[c] = {{(ColumnsAreWhole ? value : $"x + c * THREADS_X < VALUE_DIM4 ? {value} : (float4)(0.0f)")}};
                }
                for (int i = 0; i < ROWS_EACH; i++)
                {
                    const float p = scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + j];
                    for (int c = 0; c < COLUMNS_EACH; c++)
                    {
                        output[i][c] += p * v[c];
                    }
                }
            }
            """);
    }

    public override void Finish(CodeWriter writer)
    {
        // A sink counts once: here in a final row, in the merge where keys were split.
        ScoreRules rules = context.Rules;
        string denominator = spec.Sinks ? "(sum + sink)" : "sum";
        string sink = spec.Sinks
            ? $"\n        const float sink = is_final ? exp2({rules.SinkPower("sinks[kv_head * GROUP + (item.first_row + row) % GROUP]", "row_max[i]")}) : 0.0f;"
            : "";
        writer.Add($$"""
            // Every work-item of a row knows the sum over its own keys: add them up.
            barrier(CLK_LOCAL_MEM_FENCE);
            local float* const weights = (local float*)kv_tile; // a number of each work-item, should a row need it
            local int poisoned[ROWS]; // whether a row has an output that is not finite
            for (int i = 0; i < ROWS_EACH; i++)
            {
                scores[(y + i * THREADS_Y) * SCORE_STRIDE * 4 + x] = row_sum[i];
                if (x == 0)
                {
                    poisoned[y + i * THREADS_Y] = 0;
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);

            for (int i = 0; i < ROWS_EACH; i++)
            {
                const int row = y + i * THREADS_Y;
                if (row < item.row_count)
                {
                    float sum = 0.0f;
                    for (int j = 0; j < THREADS_X; j++)
                    {
                        sum += scores[row * SCORE_STRIDE * 4 + j];
                    }

                    // A row that saw no key has the sum 0: output 0, LSE -inf.
                    const int is_final = item.partial_row < 0;{{sink}}
                    const float inverse = sum == 0.0f ? 0.0f : {{context.OutputFactor}} / {{denominator}};
                    const long to = is_final ? packed_row(item, kv_head, row) : (long)(item.partial_row + row) * KV_HEADS + kv_head;
                    float4 zero = (float4)(0.0f); // NaN if something is not finite
                    for (int c = 0; c < COLUMNS_EACH; c++)
                    {
                        const int d = (x + c * THREADS_X) * 4;
                        zero += output[i][c] * 0.0f;
                        if (d < VALUE_DIM && is_final)
                        {
                            store_output(outputs + to * VALUE_DIM, d, output[i][c] * inverse);
                        }
                        else if (d < VALUE_DIM)
                        {
                            store_partial(partial_outputs + to * VALUE_DIM, d, output[i][c] * inverse);
                        }
                    }
                    if (x == 0 && is_final)
                    {
                        lse[to] = sum == 0.0f ? -INFINITY : {{rules.Natural("row_max[i]")}} + log(sum);
                    }
                    else if (x == 0)
                    {
                        partial_states[to] = (float2)(row_max[i], sum);
                    }
                    if (any(isnan(zero)))
                    {
                        poisoned[row] = 1;
                    }
                }
            }
            """);
        WriteExactRows(writer, context, "x + y * THREADS_X");
    }

    /// <summary>Calculates again the rows that are <c>poisoned</c>, all work-items together; <c>weights</c> has room for a float of each.</summary>
    public static void WriteExactRows(CodeWriter writer, KernelContext context, string member)
    {
        var team = new RowTeam(
            "WORK_GROUP", Lanes: 1, "member", "((VALUE_DIM + WORK_GROUP - 1) / WORK_GROUP)", "member + c * WORK_GROUP", "d < VALUE_DIM",
            "weights[member] = own;\nbarrier(CLK_LOCAL_MEM_FENCE);", "weights[i]", "barrier(CLK_LOCAL_MEM_FENCE); // the numbers have been used");
        writer.Add("barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);");
        writer.Open("for (int row = 0; row < item.row_count; row++)");
        writer.Add($"const int member = {member};");
        ExactRows.Write(writer, context, team, "row", "poisoned[row]");
        writer.Close();
    }

    private void LoadTile(CodeWriter writer, string columns, string load, string cache, string rowOf) => writer.Add($$"""
        for (int i = get_local_id(0); i < KEYS * {{columns}}; i += WORK_GROUP)
        {
            const int row = i / {{columns}};
            const int column = i % {{columns}};
            const int key = first_key + row;
            kv_tile[row * KV_STRIDE + column] = key < item.kv_end
                ? {{load}}({{cache}} + {{rowOf}}(sequence, kv_head, key, {{context.Addressing.Arguments}}), column * 4)
                : (float4)(0.0f); // unwritten slots may hold NaN
        }
        """);
}
