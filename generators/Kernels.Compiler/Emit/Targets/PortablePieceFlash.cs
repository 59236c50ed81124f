using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Few query rows on a GPU, bound by reading keys and values: they go from the cache straight into registers, in pieces of up to
/// 16 bytes, the keys of a tile while the tile before is worked on. The lanes of a set have pieces of the same keys; each
/// multiplies its own, and what they find is added up in local memory. Sets have keys, maxima and sums of their own, which are
/// merged at the end.
/// </summary>
internal sealed class PortablePieceFlash(KernelContext context, PortablePieceTile tile) : FlashSteps
{
    private readonly AttentionSpec spec = context.Spec;
    private readonly Piece piece = context.Cache.Piece
        ?? throw new ArgumentException($"{context.Cache.DisplayName} has no pieces.", nameof(context));

    private int Elements => PortablePlanner.PieceElements(spec);

    private string PieceVector => $"float{Elements}";

    public override TilePlan Tile => tile;

    public override bool CanLeaveOutTiles => false;

    public override bool CallsRowFunctions => false;

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define LANES {tile.Lanes} // work-items that share a key
        #define SETS {tile.Sets} // sets of work-items, which have keys of their own
        #define ROWS_EACH {tile.RowsEach} // rows of one work-item
        #define KEYS_EACH {tile.KeysEach} // keys of one work-item
        #define WORK_GROUP (LANES * SETS * ROWS / ROWS_EACH)
        #define SCORES_EACH ((KEYS * ROWS + WORK_GROUP - 1) / WORK_GROUP) // scores that one work-item adds up

        #define PIECE {Elements} // elements that are loaded at a time
        #define KEY_PIECES {tile.KeyPieces} // pieces of a key for one work-item
        #define VALUE_PIECES {tile.ValuePieces}

        // In floats, but for the queries, which are float4s. An odd stride lets parts of scores begin in different banks of local memory.
        #define HEAD_DIM4 (HEAD_DIM / 4)
        #define QUERY_STRIDE HEAD_DIM4
        #define PART_STRIDE {PortablePlanner.PartStride(tile.Lanes)}
        #define STATE_STRIDE (VALUE_DIM + 4) // output, then maximum and sum
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        if (context.Rules.NeedsRows)
        {
            LaneVocabulary.Declare(writer, 1, spec);
        }

        Prelude.Helpers(writer, piece.Helper);
        Prelude.AddProducts(writer, Elements);
        Prelude.LoadFunction(writer, "load_query", context.Storage, spec.HeadDim, "HEAD_DIM");
        Prelude.StoreFunction(writer, "store_output", context.Storage, spec.ResolvedValueDim, "VALUE_DIM");
        Prelude.StoreFunction(writer, "store_partial", new Float32Codec(), spec.ResolvedValueDim, "VALUE_DIM");
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add($$"""
            local float4 exchange[{{PortablePlanner.ExchangeFloats(spec, tile) / 4}}]; // queries, then parts of scores, at the end the states of the sets
            local float4* const query_tile = exchange;
            local float* const parts = (local float*)exchange;
            local float scores[KEYS * ROWS]; // key after key
            const int id = get_local_id(0);
            const int lane = id % LANES; // which pieces
            const int own_row = id / LANES % (ROWS / ROWS_EACH) * ROWS_EACH; // the first of the work-item's rows
            const int set = id / (WORK_GROUP / SETS); // which keys: this one, and each SETS after it

            {{PortableFlash.LoadQueries(context)}}
            barrier(CLK_LOCAL_MEM_FENCE);
            {{PieceVector}} query[ROWS_EACH][KEY_PIECES];
            {{PieceVector}} output[ROWS_EACH][VALUE_PIECES];
            float row_max[ROWS_EACH]; // of the set's keys
            float row_sum[ROWS_EACH];
            for (int r = 0; r < ROWS_EACH; r++)
            {
                for (int c = 0; c < KEY_PIECES; c++)
                {
                    query[r][c] = vload{{Elements}}(lane + c * LANES, (local const float*)(query_tile + (own_row + r) * QUERY_STRIDE));
                }
                for (int c = 0; c < VALUE_PIECES; c++)
                {
                    output[r][c] = ({{PieceVector}})(0.0f);
                }
                row_max[r] = -INFINITY;
                row_sum[r] = 0.0f;
            }
            barrier(CLK_LOCAL_MEM_FENCE); // parts of scores take the queries' place
            """);
        if (context.Rules.NeedsRows)
        {
            writer.Line().Add($"const Row row = {context.Rules.MakeRow}min(id % ROWS, item.row_count - 1)); // of all scores that the work-item adds up");
        }

        writer.Line().Add($$"""
            global const {{piece.Type}}* const key_cache = (global const {{piece.Type}}*)keys;
            global const {{piece.Type}}* const value_cache = (global const {{piece.Type}}*)values;
            const int last_of_item = item.kv_end - 1;
            long at[KEYS_EACH]; // where the work-item's keys of the next tile are in the cache, counted in rows
            {{piece.Type}} key_piece[KEYS_EACH][KEY_PIECES];
            """);
        if (context.ScalesTokens)
        {
            writer.Add("float key_scale[KEYS_EACH];");
        }

        writer.Open("if (item.kv_begin < item.kv_end)");
        LoadKeys(writer, "item.kv_begin");
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add($"{piece.Type} value_piece[KEYS_EACH][VALUE_PIECES]; // on their way while scores are calculated");
        if (context.ScalesTokens)
        {
            writer.Add("float value_scale[KEYS_EACH];");
        }

        writer.Open("for (int j = 0; j < KEYS_EACH; j++)");
        LoadPieces(writer, "value", "VALUE_PIECES", "VALUE_DIM");
        writer.Close();
        writer.Add($$"""

            for (int j = 0; j < KEYS_EACH; j++)
            {
                float part[ROWS_EACH];
                for (int r = 0; r < ROWS_EACH; r++)
                {
                    part[r] = 0.0f;
                }
                for (int c = 0; c < KEY_PIECES; c++)
                {
                    const {{PieceVector}} k = {{piece.ToFloat("key_piece[j][c]")}};
                    for (int r = 0; r < ROWS_EACH; r++)
                    {
                        part[r] = add_products(part[r], query[r][c], k);
                    }
                }
                for (int r = 0; r < ROWS_EACH; r++)
                {
                    parts[((set + j * SETS) * ROWS + own_row + r) * PART_STRIDE + lane] = part[r]{{(context.ScalesTokens ? " * key_scale[j]" : "")}};
                }
            }
            """);
        LoadKeys(writer, "first_key + KEYS");
        writer.Add($$"""
            barrier(CLK_LOCAL_MEM_FENCE);

            float score[SCORES_EACH];
            """);
        EachScore(
            writer,
            """
            for (int l = 0; l < LANES; l++)
            {
                score[i] += parts[(id + i * WORK_GROUP) * PART_STRIDE + l];
            }
            """,
            first: "score[i] = 0.0f;");
    }

    public override void Transform(CodeWriter writer) => EachScore(writer, $"""
        const int key = min(first_key + (id + i * WORK_GROUP) / ROWS, last_of_item);
        score[i] = transform_score(score[i], row, key{context.Rules.TransformArguments});
        """);

    public override void Hide(CodeWriter writer) => EachScore(writer, "const int key = first_key + (id + i * WORK_GROUP) / ROWS;\n" + (context.Rules.HidesKeys
        ? $"""
            const int visible = key <= last_of_item && is_visible(row, min(key, last_of_item){context.Rules.VisibleArguments});
            score[i] = visible ? score[i] : -INFINITY;
            """
        : "score[i] = key <= last_of_item ? score[i] : -INFINITY;"));

    /// <summary>Statements on each score that the work-item adds up.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="statements">For those that exist: in the last round there may be fewer scores than work-items.</param>
    /// <param name="first">For all.</param>
    private void EachScore(CodeWriter writer, string statements, string? first = null)
    {
        bool whole = tile.Keys * tile.Rows % tile.WorkGroupSize == 0;
        writer.Open("for (int i = 0; i < SCORES_EACH; i++)");
        if (first is not null)
        {
            writer.Add(first);
        }

        if (whole)
        {
            writer.Add(statements);
        }
        else
        {
            writer.Open("if (id + i * WORK_GROUP < KEYS * ROWS)").Add(statements).Close();
        }

        writer.Close();
    }

    public override void Softmax(CodeWriter writer)
    {
        ScoreRules rules = context.Rules;
        writer.Line();
        EachScore(writer, "scores[id + i * WORK_GROUP] = score[i];");
        writer.Add($$"""
            barrier(CLK_LOCAL_MEM_FENCE);

            float p[KEYS_EACH][ROWS_EACH];
            for (int r = 0; r < ROWS_EACH; r++)
            {
                float top = row_max[r];
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    p[j][r] = scores[(set + j * SETS) * ROWS + own_row + r];
                    top = fmax(top, p[j][r]);
                }

                // A row that has seen no key keeps -inf as its maximum; 0 in its place makes every weight 0 instead of NaN.
                const float base = top == -INFINITY ? 0.0f : top;
                const float rescale = exp2({{rules.Power("row_max[r]", "base")}});
                row_max[r] = top;
                row_sum[r] *= rescale;
                for (int c = 0; c < VALUE_PIECES; c++)
                {
                    output[r][c] *= rescale;
                }
                for (int j = 0; j < KEYS_EACH; j++)
                {
                    p[j][r] = exp2({{rules.Power("p[j][r]", "base")}});
                    row_sum[r] += p[j][r];
            """);
        if (context.ScalesTokens)
        {
            writer.Add("        p[j][r] *= value_scale[j];");
        }

        writer.Add("""
                }
            }

            """);
    }

    public override void Accumulate(CodeWriter writer) => writer.Add($$"""
        for (int j = 0; j < KEYS_EACH; j++)
        {
            for (int c = 0; c < VALUE_PIECES; c++)
            {
                const {{PieceVector}} v = {{piece.ToFloat("value_piece[j][c]")}};
                for (int r = 0; r < ROWS_EACH; r++)
                {
                    output[r][c] += p[j][r] * v;
                }
            }
        }
        """);

    public override void Finish(CodeWriter writer)
    {
        // A sink counts once: here in a final row, in the merge where keys were split.
        ScoreRules rules = context.Rules;
        string denominator = spec.Sinks ? "(sum + sink)" : "sum";
        string sink = spec.Sinks
            ? $"\n    const float sink = is_final ? exp2({rules.SinkPower("sinks[kv_head * GROUP + (item.first_row + r) % GROUP]", "top")}) : 0.0f;"
            : "";
        writer.Add($$"""
            // Each set's state, and then their sum.
            for (int r = 0; r < ROWS_EACH; r++)
            {
                local float* const state = parts + (set * ROWS + own_row + r) * STATE_STRIDE;
                for (int c = 0; c < VALUE_PIECES; c++)
                {
                    vstore{{Elements}}(output[r][c], lane + c * LANES, state);
                }
                if (lane == 0)
                {
                    state[VALUE_DIM] = row_max[r];
                    state[VALUE_DIM + 1] = row_sum[r];
                }
            }
            local int poisoned[ROWS]; // whether a row has an output that is not finite
            if (id < ROWS)
            {
                poisoned[id] = 0;
            }
            barrier(CLK_LOCAL_MEM_FENCE);

            for (int i = id; i < item.row_count * (VALUE_DIM / 4); i += WORK_GROUP)
            {
                const int r = i / (VALUE_DIM / 4);
                const int d = i % (VALUE_DIM / 4) * 4;
                local const float* const states = parts + r * STATE_STRIDE;
                float top = -INFINITY;
                for (int s = 0; s < SETS; s++)
                {
                    top = fmax(top, states[s * ROWS * STATE_STRIDE + VALUE_DIM]);
                }

                const float base = top == -INFINITY ? 0.0f : top;
                float sum = 0.0f;
                float4 result = (float4)(0.0f);
                for (int s = 0; s < SETS; s++)
                {
                    local const float* const state = states + s * ROWS * STATE_STRIDE;
                    const float weight = exp2({{rules.Power("state[VALUE_DIM]", "base")}});
                    sum += weight * state[VALUE_DIM + 1];
                    result += weight * vload4(0, state + d);
                }

                // A row that saw no key has the sum 0: output 0, LSE -inf.
                const int is_final = item.partial_row < 0;{{sink}}
                const float inverse = sum == 0.0f ? 0.0f : {{context.OutputFactor}} / {{denominator}};
                const long to = is_final ? packed_row(item, kv_head, r) : (long)(item.partial_row + r) * KV_HEADS + kv_head;
                if (is_final)
                {
                    store_output(outputs + to * VALUE_DIM, d, result * inverse);
                }
                else
                {
                    store_partial(partial_outputs + to * VALUE_DIM, d, result * inverse);
                }
                if (d == 0 && is_final)
                {
                    lse[to] = sum == 0.0f ? -INFINITY : {{rules.Natural("top")}} + log(sum);
                }
                else if (d == 0)
                {
                    partial_states[to] = (float2)(top, sum);
                }
                if (any(isnan(result * 0.0f)))
                {
                    poisoned[r] = 1;
                }
            }
            local float* const weights = parts; // a number of each work-item, should a row need it
            """);
        PortableFlash.WriteExactRows(writer, context, "id");
    }

    /// <summary>Finds the work-item's keys of the tile at <paramref name="first"/>, and asks for them.</summary>
    private void LoadKeys(CodeWriter writer, string first)
    {
        // All places are found before any is read: the loads do not wait for one another.
        writer.Open("for (int j = 0; j < KEYS_EACH; j++)");
        writer.Add($"const int token = min({first} + set + j * SETS, last_of_item); // past the end the last one again, whose scores there are hidden");
        writer.Add($"at[j] = {context.Addressing.RowOfToken("token", "1")};");
        writer.Close();
        writer.Open("for (int j = 0; j < KEYS_EACH; j++)");
        LoadPieces(writer, "key", "KEY_PIECES", "HEAD_DIM");
        writer.Close();
    }

    private void LoadPieces(CodeWriter writer, string what, string count, string dim)
    {
        writer.Open($"for (int c = 0; c < {count}; c++)");
        writer.Add($"{what}_piece[j][c] = {what}_cache[at[j] * ({dim} / PIECE) + lane + c * LANES];");
        writer.Close();
        if (context.ScalesTokens)
        {
            writer.Add($"{what}_scale[j] = {what}_scales[at[j]];");
        }
    }
}
