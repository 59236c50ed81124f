using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Many query rows on a CPU. The lanes of a vector are query rows, so that maximum, sum and rescaling need no exchange
/// between lanes, and an element of a key or value is broadcast to all of them.
/// </summary>
internal sealed class CpuPrefill(KernelContext context) : CpuFlash(context)
{
    private readonly int accumulators = CpuPlanner.Accumulators(context.Spec);

    /// <summary>Whether tiles are read where they lie: float32 rows one after the other.</summary>
    private bool ReadsInPlace => Spec.ResolvedCacheStorage == ElementType.Float32 && Context.Addressing.RowsAreAdjacent;

    /// <summary>The type of a pointer to the tile's rows.</summary>
    private string Rows => ReadsInPlace ? "global const float*" : "const float*";

    public override TilePlan Tile => Context.Plan.Prefill;

    public override bool ReadsPastEnd => false;

    public override void Begin(CodeWriter writer)
    {
        writer.Add($$"""
            // One lane for each query row.
            lanes_float query[HEAD_DIM]; // query[d] has element d of every row
            lanes_float output[VALUE_DIM];
            lanes_float p[KEYS]; // scores, then probabilities: p[j] has those of key j
            lanes_float row_max = (lanes_float)(-INFINITY);
            lanes_float row_sum = (lanes_float)(0.0f);
            """);
        if (!ReadsInPlace)
        {
            writer.Add($"float tile[KEYS * {(Spec.HeadDim >= Spec.ResolvedValueDim ? "HEAD_DIM" : "VALUE_DIM")}]; // keys or values as float32");
        }

        writer.Add($$"""
            for (int d = 0; d < HEAD_DIM; d++)
            {
                query[d] = (lanes_float)(0.0f);
            }
            for (int row = 0; row < item.row_count; row++)
            {
                global const {{Context.Storage.StorageType}}* from = queries + packed_row(item, kv_head, row) * HEAD_DIM;
                for (int d = 0; d < HEAD_DIM; d++)
                {
                    ((float*)query)[d * ROWS + row] = {{Context.Storage.Load("from", "d", 1)}} * {{Context.QueryFactor}};
                }
            }
            for (int c = 0; c < VALUE_DIM; c++)
            {
                output[c] = (lanes_float)(0.0f);
            }
            """);
        TurnQueries(writer, d => $"(float*)query + ({d}) * ROWS + row");
        if (Context.Rules.NeedsRows)
        {
            writer.Add($"""
                const lanes_int lane = (lanes_int)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                const Row row = {Context.Rules.MakeRow}min(lane, (lanes_int)(item.row_count - 1)));
                """);
        }
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add("const int key_count = min(KEYS, item.kv_end - first_key);");
        TileRows(writer, "key", Spec.HeadDim, "HEAD_DIM");
        writer.Add("int j = 0;");
        writer.Open($"for (; j + {accumulators} <= key_count; j += {accumulators})");
        Products(writer, accumulators);
        writer.Close();
        writer.Open("for (; j < key_count; j++)");
        Products(writer, 1);
        writer.Close().Line();
        if (Context.ScalesTokens)
        {
            writer.Add("float value_scale[KEYS];");
            writer.Open("for (int j = 0; j < key_count; j++)");
            writer.Add($"""
                const long at = scale_index(sequence, kv_head, first_key + j, {Context.Addressing.Arguments});
                p[j] *= key_scales[at];
                value_scale[j] = value_scales[at];
                """);
            writer.Close().Line();
        }
    }

    public override void Transform(CodeWriter writer)
    {
        writer.Open("for (int j = 0; j < key_count; j++)");
        writer.Add($"p[j] = transform_score(p[j], row, (lanes_int)(first_key + j){Context.Rules.TransformArguments});");
        writer.Close();
    }

    public override void Hide(CodeWriter writer)
    {
        writer.Open("for (int j = 0; j < key_count; j++)");
        writer.Add($"p[j] = lanes_select((lanes_float)(-INFINITY), p[j], is_visible(row, (lanes_int)(first_key + j){Context.Rules.VisibleArguments}));");
        writer.Close();
    }

    public override void Softmax(CodeWriter writer)
    {
        writer.Line().Add($$"""
            lanes_float new_max = row_max;
            for (int j = 0; j < key_count; j++)
            {
                new_max = fmax(new_max, p[j]);
            }

            """);
        writer.Add(MoveMaximum);
        writer.Add($$"""
            for (int j = 0; j < key_count; j++)
            {
                p[j] = exp2_lanes(p[j] - base);
                row_sum += p[j];{{(Context.ScalesTokens ? "\n    p[j] *= value_scale[j];" : "")}}
            }

            """);
    }

    public override void Accumulate(CodeWriter writer)
    {
        if (Spec.LatentCache)
        {
            writer.Add($"{Rows} value_rows = key_rows; // values are the first elements of keys");
        }
        else
        {
            TileRows(writer, "value", Spec.ResolvedValueDim, "VALUE_DIM");
        }

        int whole = Spec.ResolvedValueDim / accumulators * accumulators;
        if (whole > 0)
        {
            writer.Open($"for (int c = 0; c < {whole}; c += {accumulators})");
            Columns(writer, "c", accumulators);
            writer.Close();
        }

        if (whole < Spec.ResolvedValueDim)
        {
            writer.Open();
            Columns(writer, C.Int(whole), Spec.ResolvedValueDim - whole);
            writer.Close();
        }
    }

    public override void Finish(CodeWriter writer) => StoreRows(
        writer, "((const float*)&row_max)[row]", "((const float*)&row_sum)[row]", "((const float*)output)[c * ROWS + row]");

    /// <summary>Scores of <paramref name="count"/> keys from <c>j</c> on, summed in registers.</summary>
    private void Products(CodeWriter writer, int count)
    {
        writer.Add($"{Rows} k = key_rows + j * HEAD_DIM;");
        Named(writer, count, i => $"lanes_float s{i} = (lanes_float)(0.0f);");
        writer.Add("#pragma unroll 4");
        writer.Open("for (int d = 0; d < HEAD_DIM; d++)");
        writer.Add("const lanes_float q = query[d];");
        Named(writer, count, i => $"s{i} = fma(q, (lanes_float)(k[{i} * HEAD_DIM + d]), s{i});");
        writer.Close();
        Named(writer, count, i => $"p[j + {i}] = s{i};");
    }

    /// <summary>The output's columns from <paramref name="first"/> on, summed in registers over the tile's keys.</summary>
    private void Columns(CodeWriter writer, string first, int count)
    {
        writer.Add($"{Rows} v = value_rows + {first};");
        Named(writer, count, i => $"lanes_float o{i} = output[{first} + {i}] * rescale;");
        writer.Open("for (int j = 0; j < key_count; j++)");
        writer.Add("const lanes_float w = p[j];");
        Named(writer, count, i => $"o{i} = fma(w, (lanes_float)(v[j * {(Spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM")} + {i}]), o{i});");
        writer.Close();
        Named(writer, count, i => $"output[{first} + {i}] = o{i};");
    }

    /// <summary>Declares <c>key_rows</c> or <c>value_rows</c>: the tile's rows as float32, one after the other.</summary>
    private void TileRows(CodeWriter writer, string what, int dim, string dimName)
    {
        if (ReadsInPlace)
        {
            writer.Add($"{Rows} {what}_rows = {RowOf(what, "first_key")};");
            return;
        }

        writer.Open("for (int j = 0; j < key_count; j++)");
        writer.Add($"global const {Context.Cache.StorageType}* from = {RowOf(what, "first_key + j")};");
        int whole = dim / 16 * 16;
        if (whole > 0)
        {
            writer.Open($"for (int d = 0; d < {whole}; d += 16)");
            writer.Add($"vstore16({Context.Cache.Load("from", "d", 16)}, 0, tile + j * {dimName} + d);");
            writer.Close();
        }

        if (whole < dim)
        {
            writer.Open($"for (int d = {whole}; d < {dimName}; d++)");
            writer.Add($"tile[j * {dimName} + d] = {Context.Cache.Load("from", "d", 1)};");
            writer.Close();
        }

        writer.Close();
        writer.Add($"{Rows} {what}_rows = tile;");
    }
}
