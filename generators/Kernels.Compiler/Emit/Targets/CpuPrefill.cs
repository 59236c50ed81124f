using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Many query rows on a CPU. The lanes of a vector are query rows, so that maximum, sum and rescaling need no exchange
/// between lanes, and an element of a key or value is broadcast to all of them.
/// </summary>
internal sealed class CpuPrefill(KernelContext context, CpuTile tile) : CpuFlash(context)
{
    /// <summary>Whether tiles are read where they lie: float32 rows one after the other.</summary>
    private bool ReadsInPlace => Spec.ResolvedCacheStorage == ElementType.Float32 && Context.Addressing.RowsAreAdjacent;

    /// <summary>The tiles that the text can be built for.</summary>
    private IEnumerable<CpuTile> Tiles => Context.Plan.PrefillVariants.Cast<CpuTile>().Prepend(tile);

    /// <summary>The type of a pointer to the tile's rows.</summary>
    private string Rows => ReadsInPlace ? "global const float*" : "const float*";

    private string ValueStride => Spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM";

    public override TilePlan Tile => tile;

    public override bool ReadsPastEnd => false;

    public override bool CallsValueRow => !Spec.LatentCache;

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define ROW_VECTORS {tile.RowVectors} // vectors of {CpuPlanner.Lanes} that the rows make
        #define AT_ONCE {tile.AtOnce} // keys, later columns of the output, whose sums are in registers at a time
        """);

    public override void DeclareFunctions(CodeWriter writer)
    {
        writer.Add("#define UNROLLED _Pragma(\"unroll\") // what the loop indexes by its variable stays in registers").Line();
        base.DeclareFunctions(writer);
        if (ReadsInPlace)
        {
            CpuPrefetch.Declare(writer);
        }
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add($$"""
            // A lane of these vectors is a query row.
            lanes_float query[HEAD_DIM][ROW_VECTORS]; // query[d] has element d of every row
            lanes_float output[VALUE_DIM][ROW_VECTORS];
            lanes_float p[KEYS][ROW_VECTORS]; // scores, then probabilities: p[j] has those of key j
            lanes_float row_max[ROW_VECTORS];
            lanes_float row_sum[ROW_VECTORS];
            """);
        if (!ReadsInPlace)
        {
            writer.Add($"float tile[KEYS * {(Spec.HeadDim >= Spec.ResolvedValueDim ? "HEAD_DIM" : "VALUE_DIM")}]; // keys or values as float32");
        }

        if (Context.Rules.NeedsRows)
        {
            writer.Add("""
                const lanes_int lane = (lanes_int)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                Row row[ROW_VECTORS];
                """);
        }

        writer.Open("for (int r = 0; r < ROW_VECTORS; r++)");
        writer.Add("""
            row_max[r] = (lanes_float)(-INFINITY);
            row_sum[r] = (lanes_float)(0.0f);
            for (int d = 0; d < HEAD_DIM; d++)
            {
                query[d][r] = (lanes_float)(0.0f);
            }
            for (int c = 0; c < VALUE_DIM; c++)
            {
                output[c][r] = (lanes_float)(0.0f);
            }
            """);
        if (Context.Rules.NeedsRows)
        {
            writer.Add($"row[r] = {Context.Rules.MakeRow}min(r * {CpuPlanner.Lanes} + lane, (lanes_int)(item.row_count - 1)));");
        }

        writer.Close();
        writer.Add($$"""
            for (int row = 0; row < item.row_count; row++)
            {
                global const {{Context.Storage.StorageType}}* from = queries + packed_row(item, kv_head, row) * HEAD_DIM;
                for (int d = 0; d < HEAD_DIM; d++)
                {
                    ((float*)query)[d * ROWS + row] = {{Context.Storage.Load("from", "d", 1)}} * {{Context.QueryFactor}};
                }
            }
            """);
        TurnQueries(writer, d => $"(float*)query + ({d}) * ROWS + row");
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add("const int key_count = min(KEYS, item.kv_end - first_key);");
        TileRows(writer, "key", Spec.HeadDim, "HEAD_DIM");
        writer.Add("int j = 0;");
        writer.Open("for (; j + AT_ONCE <= key_count; j += AT_ONCE)");
        if (ReadsInPlace)
        {
            writer.Open("for (int i = 0; i < AT_ONCE; i++)");
            writer.Add($"prefetch_row({RowOf("key", "min(first_key + j + i + 2 * AT_ONCE, item.kv_end - 1)")}, HEAD_DIM * sizeof(float));");
            if (!Spec.LatentCache)
            {
                writer.Add($"prefetch_row({RowOf("value", "first_key + j + i")}, VALUE_DIM * sizeof(float));");
            }

            writer.Close();
        }

        Products(writer, "AT_ONCE");
        writer.Close();
        writer.Open("for (; j < key_count; j++)");
        Products(writer, "1");
        writer.Close().Line();
        if (Context.ScalesTokens)
        {
            writer.Add("float value_scale[KEYS];");
            writer.Open("for (int j = 0; j < key_count; j++)");
            writer.Add($"""
                const long at = scale_index(sequence, kv_head, first_key + j, {Context.Addressing.Arguments});
                value_scale[j] = value_scales[at];
                """);
            EachVector(writer, "p[j][r] *= key_scales[at];");
            writer.Close().Line();
        }
    }

    public override void Transform(CodeWriter writer)
    {
        writer.Open("for (int j = 0; j < key_count; j++)");
        EachVector(writer, $"p[j][r] = transform_score(p[j][r], row[r], (lanes_int)(first_key + j){Context.Rules.TransformArguments});");
        writer.Close();
    }

    public override void Hide(CodeWriter writer)
    {
        writer.Open("for (int j = 0; j < key_count; j++)");
        EachVector(writer, $"p[j][r] = lanes_select((lanes_float)(-INFINITY), p[j][r], is_visible(row[r], (lanes_int)(first_key + j){Context.Rules.VisibleArguments}));");
        writer.Close();
    }

    public override void Softmax(CodeWriter writer)
    {
        writer.Line().Add("lanes_float rescale[ROW_VECTORS]; // of what was accumulated");
        writer.Open("for (int r = 0; r < ROW_VECTORS; r++)");
        writer.Add("""
            lanes_float new_max = row_max[r];
            for (int j = 0; j < key_count; j++)
            {
                new_max = fmax(new_max, p[j][r]);
            }

            """);
        MoveMaximum(writer, "row_max[r]", "rescale[r]");
        writer.Add($$"""
            lanes_float sum = row_sum[r] * rescale[r];
            for (int j = 0; j < key_count; j++)
            {
                const lanes_float weight = exp2_lanes(p[j][r] - base);
                sum += weight;
                p[j][r] = weight{{(Context.ScalesTokens ? " * value_scale[j]" : "")}};
            }
            row_sum[r] = sum;
            """);
        writer.Close().Line();
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

        writer.Open("for (int c = 0; c + AT_ONCE <= VALUE_DIM; c += AT_ONCE)");
        Columns(writer, "AT_ONCE");
        writer.Close();
        if (Tiles.Any(any => Spec.ResolvedValueDim % any.AtOnce > 0))
        {
            writer.Add("#if VALUE_DIM % AT_ONCE > 0");
            writer.Open();
            writer.Add("const int c = VALUE_DIM / AT_ONCE * AT_ONCE; // the columns that are left");
            Columns(writer, "VALUE_DIM % AT_ONCE");
            writer.Close();
            writer.Add("#endif");
        }
    }

    public override void Finish(CodeWriter writer) => StoreRows(
        writer, "((const float*)row_max)[row]", "((const float*)row_sum)[row]", "((const float*)output)[c * ROWS + row]");

    /// <summary>Scores of <paramref name="count"/> keys from <c>j</c> on, summed in registers.</summary>
    private void Products(CodeWriter writer, string count)
    {
        writer.Add($"{Rows} k = key_rows + j * HEAD_DIM;");
        writer.Add($"lanes_float sum[{count}][ROW_VECTORS];");
        EachSum(writer, count, "sum[i][r] = (lanes_float)(0.0f);");
        writer.Add("#pragma unroll 4");
        writer.Open("for (int d = 0; d < HEAD_DIM; d++)");
        EachSum(writer, count, "sum[i][r] = fma(query[d][r], (lanes_float)(k[i * HEAD_DIM + d]), sum[i][r]);");
        writer.Close();
        EachSum(writer, count, "p[j + i][r] = sum[i][r];");
    }

    /// <summary><paramref name="count"/> columns of the output from <c>c</c> on, summed in registers over the tile's keys.</summary>
    private void Columns(CodeWriter writer, string count)
    {
        writer.Add($"{Rows} v = value_rows + c;");
        writer.Add($"lanes_float sum[{count}][ROW_VECTORS];");
        EachSum(writer, count, "sum[i][r] = output[c + i][r] * rescale[r];");
        writer.Add("#pragma unroll 2");
        writer.Open("for (int j = 0; j < key_count; j++)");
        EachSum(writer, count, $"sum[i][r] = fma(p[j][r], (lanes_float)(v[j * {ValueStride} + i]), sum[i][r]);");
        writer.Close();
        EachSum(writer, count, "output[c + i][r] = sum[i][r];");
    }

    /// <summary>The statement for each of <paramref name="count"/> keys or columns and each vector of rows, without a loop at run time.</summary>
    private static void EachSum(CodeWriter writer, string count, string statement)
    {
        writer.Open($"UNROLLED for (int i = 0; i < {count}; i++)");
        writer.Open("UNROLLED for (int r = 0; r < ROW_VECTORS; r++)");
        writer.Add(statement);
        writer.Close().Close();
    }

    private static void EachVector(CodeWriter writer, string statement)
    {
        writer.Open("for (int r = 0; r < ROW_VECTORS; r++)");
        writer.Add(statement);
        writer.Close();
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
