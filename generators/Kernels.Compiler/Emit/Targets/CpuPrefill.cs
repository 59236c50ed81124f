using Kernels.Compiler.Emit.Algorithms;
using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Many query rows on a CPU. The lanes of a vector are query rows, so that maximum, sum and rescaling need no exchange
/// between lanes, and an element of a key or value is broadcast to all of them.
/// </summary>
internal sealed class CpuPrefill(KernelContext context, CpuTile tile) : CpuFlash(context)
{
    private const string EveryVector = "UNROLLED for (int r = 0; r < ROW_VECTORS; r++)";
    private const string EveryBlock = "for (int b = 0; b < ROW_VECTORS; b += VECTORS_AT_ONCE)";

    // A copy of the code for each number of vectors left out: which have sums is then known when it is compiled.
    private const string EachHidden = "UNROLLED for (int first = 0; first < VECTORS_AT_ONCE; first++)";

    // Rows of larger groups are of few positions: what is hidden from whole vectors takes 1 % of the time, copies of the loops a second to compile.
    private const int MostGroupLeftOut = 2;

    // Of 16 registers of 8 lanes, 12 for sums.
    private const int FewRegistersAtOnce = 6;

    /// <summary>Expression: the work-group's number in the order in which groups start.</summary>
    private const string GroupNumber = "(get_group_id(1) * KV_HEADS + get_group_id(0))";

    /// <summary>Whether tiles are read where they lie: float32 rows one after the other.</summary>
    private bool ReadsInPlace => Spec.ResolvedCacheStorage == ElementType.Float32 && Context.Addressing.RowsAreAdjacent;

    /// <summary>Whether vectors of rows are left out where a causal mask hides all keys from them.</summary>
    private bool LeavesOutHidden => Spec.Mask == AttentionMask.Causal && tile.RowVectors > 1 && Spec.GroupSize <= MostGroupLeftOut;

    /// <summary>The tiles that the text can be built for.</summary>
    private IEnumerable<CpuTile> Tiles => Context.Plan.PrefillVariants.Cast<CpuTile>().Prepend(tile);

    /// <summary>The type of a pointer to the tile's rows.</summary>
    private string Rows => ReadsInPlace ? "global const float*" : "const float*";

    private string ValueStride => Spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM";

    public override TilePlan Tile => tile;

    // All items of a head before those of the next: its keys and values stay in the processor's caches from item to item, and
    // groups that one thread takes together are of all lengths.
    public override string ItemIndex => $"{GroupNumber} % get_num_groups(1)";

    public override string KvHead => $"const int kv_head = {GroupNumber} / get_num_groups(1); // a head's items start one after the other, the longest first";

    public override bool ReadsPastEnd => false;

    public override bool CallsValueRow => !Spec.LatentCache;

    public override void DeclareTile(CodeWriter writer) => writer.Add($"""
        #define ROW_VECTORS {tile.RowVectors} // vectors of {CpuPlanner.Lanes} that the rows make
        #ifdef __AVX512F__ // 32 registers of 16 lanes
        #define VECTORS_AT_ONCE ROW_VECTORS // of these, have sums in registers at a time
        #define AT_ONCE {tile.AtOnce} // keys, later columns of the output, that do
        #else
        #define VECTORS_AT_ONCE 1
        #define AT_ONCE {FewRegistersAtOnce}
        #endif
        """);

    protected override IEnumerable<int> QueryWidths => Spec.HeadDim < CpuPlanner.Lanes ? [] : [CpuPlanner.Lanes];

    public override void DeclareFunctions(CodeWriter writer)
    {
        writer.Add("#define UNROLLED _Pragma(\"unroll\") // what the loop indexes by its variable stays in registers");
        if (ReadsInPlace)
        {
            writer.Add("#define LINE 16 // elements that memory gives at a time");
        }

        writer.Line();
        base.DeclareFunctions(writer);
        CpuPrefetch.DeclareLine(writer, level: 1);
        CpuPrefetch.DeclareRow(writer);
        if (Math.Max(Spec.HeadDim, Spec.ResolvedValueDim) < CpuPlanner.Lanes)
        {
            return;
        }

        writer.Add($$"""
            // Lane i of x[j] goes to lane j of x[i]: rows become columns. Each round weaves the first half of the vectors with the second.
            static void transpose(lanes_float x[{{CpuPlanner.Lanes}}])
            {
                UNROLLED for (int round = 0; round < 4; round++)
                {
                    lanes_float woven[16];
                    UNROLLED for (int i = 0; i < 8; i++)
                    {
                        const lanes_float a = x[i], b = x[i + 8];
                        woven[2 * i] = (lanes_float)({{Woven(0)}});
                        woven[2 * i + 1] = (lanes_float)({{Woven(8)}});
                    }
                    UNROLLED for (int i = 0; i < 16; i++)
                    {
                        x[i] = woven[i];
                    }
                }
            }
            """).Line();

        static string Woven(int first) => string.Join(", ", Enumerable.Range(first, 8).Select(lane => $"a.s{lane:x}, b.s{lane:x}"));
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
            for (int c = 0; c < VALUE_DIM; c++)
            {
                output[c][r] = (lanes_float)(0.0f);
            }
            """);
        if (Context.Rules.NeedsRows)
        {
            writer.Add($"row[r] = {Context.Rules.MakeRow}min(r * {CpuPlanner.Lanes} + lane, (lanes_int)(item.row_count - 1)));");
        }

        LoadQueries(writer);
        writer.Close();
        HintOutputs(writer);
        TurnQueries(writer, d => $"(float*)query + ({d}) * ROWS + row");
    }

    public override void Scores(CodeWriter writer)
    {
        writer.Add("const int key_count = min(KEYS, item.kv_end - first_key);");
        if (LeavesOutHidden)
        {
            writer.Add("int seen[ROW_VECTORS]; // keys of the tile that each vector's last row sees, as others do that come later");
            EachVector(writer, $"seen[r] = clamp(item.position + (item.first_row + r * {CpuPlanner.Lanes} + {CpuPlanner.Lanes - 1}) / GROUP + 1 - first_key, 0, key_count);");
        }

        TileRows(writer, "key", Spec.HeadDim, "HEAD_DIM");
        writer.Add("int j = 0;");
        writer.Open("for (; j + AT_ONCE <= key_count; j += AT_ONCE)");
        Products(writer, "AT_ONCE", isWhole: true);
        writer.Close();
        writer.Open("for (; j < key_count; j++)");
        Products(writer, "1", isWhole: false);
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
        writer.Line().Add("""
            lanes_float new_max[ROW_VECTORS], base[ROW_VECTORS], sum[ROW_VECTORS];
            lanes_float rescale[ROW_VECTORS]; // of what was accumulated
            """);
        EachVector(writer, "new_max[r] = row_max[r];");
        writer.Add("#pragma unroll 4");
        writer.Open("for (int j = 0; j < key_count; j++)");
        EachVector(writer, "new_max[r] = p[j][r] > new_max[r] ? p[j][r] : new_max[r];");
        writer.Close();
        writer.Open(EveryVector);
        MoveMaximum(writer, "row_max[r]", "new_max[r]", "base[r]", "rescale[r]", declares: false);
        writer.Add("sum[r] = row_sum[r] * rescale[r];");
        writer.Close();
        writer.Add("#pragma unroll 2");
        writer.Open("for (int j = 0; j < key_count; j++)");
        EachVector(writer, $"""
            const lanes_float weight = exp2_lanes({Context.Rules.Power("p[j][r]", "base[r]")});
            sum[r] += weight;
            p[j][r] = weight{(Context.ScalesTokens ? " * value_scale[j]" : "")};
            """);
        writer.Close();
        EachVector(writer, "row_sum[r] = sum[r];");
        writer.Line();
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
        if (!ReadsInPlace)
        {
            writer.Open("for (int j = c * KEYS / VALUE_DIM; j < (c + AT_ONCE) * KEYS / VALUE_DIM; j++)");
            HintRow(writer, "key", "HEAD_DIM", "min(first_key + KEYS + j, item.kv_end - 1)");
            writer.Close();
        }

        Columns(writer, "AT_ONCE");
        writer.Close();
        if (Tiles.Select(any => any.AtOnce).Append(FewRegistersAtOnce).Any(atOnce => Spec.ResolvedValueDim % atOnce > 0))
        {
            writer.Add("#if VALUE_DIM % AT_ONCE > 0");
            writer.Open();
            writer.Add("const int c = VALUE_DIM / AT_ONCE * AT_ONCE; // the columns that are left");
            Columns(writer, "VALUE_DIM % AT_ONCE");
            writer.Close();
            writer.Add("#endif");
        }
    }

    public override void Finish(CodeWriter writer)
    {
        writer.Add("""
            float factors[ROWS]; // of what each row accumulated
            lanes_float log_sum[ROW_VECTORS];
            """);
        EachVector(writer, "log_sum[r] = log(row_sum[r]);");
        writer.Add("lanes_float poison[ROW_VECTORS]; // NaN where something that a row accumulated is not finite: its product with 0 is");
        EachVector(writer, "poison[r] = (lanes_float)(0.0f);");
        writer.Open("for (int c = 0; c < VALUE_DIM; c++)");
        EachVector(writer, "poison[r] = fma(output[c][r], (lanes_float)(0.0f), poison[r]);");
        writer.Close();
        StoreStates(writer, "((const float*)row_max)[row]", "((const float*)row_sum)[row]", "((const float*)log_sum)[row]", _ => writer.Add("factors[row] = factor;"));
        StoreOutputs(writer);
        writer.Open("for (int row = 0; row < item.row_count; row++)");
        ExactRows.Write(writer, Context, RowTeam.Vector(CpuPlanner.Lanes), "row", "isnan(((const float*)poison)[row])");
        writer.Close();
    }

    /// <summary>Asks for the memory that the rows will be stored in, which arrives while keys are read.</summary>
    private void HintOutputs(CodeWriter writer)
    {
        // Rows of a latent cache are too long for the caches, and their items so long that the end does not count.
        if (Spec.LatentCache)
        {
            return;
        }

        writer.Open("for (int row = 0; row < item.row_count && item.partial_row < 0; row++)");
        writer.Add($"prefetch_row(outputs + packed_row(item, kv_head, row) * VALUE_DIM, VALUE_DIM * sizeof({Context.Storage.StorageType})); // is there when they are stored");
        writer.Close();
    }

    /// <summary>Loads the queries of vector <c>r</c>'s rows, and turns rows into lanes.</summary>
    private void LoadQueries(CodeWriter writer)
    {
        (int dim, int whole) = (Spec.HeadDim, WholeVectors(Spec.HeadDim));
        writer.Add($"global const {Context.Storage.StorageType}* from[{CpuPlanner.Lanes}];");
        writer.Open($"for (int i = 0; i < {CpuPlanner.Lanes}; i++)");
        writer.Add($"""
            // Lanes past the last row repeat it; what they give is not stored.
            from[i] = queries + packed_row(item, kv_head, min(r * {CpuPlanner.Lanes} + i, item.row_count - 1)) * HEAD_DIM;
            prefetch_row(from[i], HEAD_DIM * sizeof({Context.Storage.StorageType}));
            """);
        writer.Close();
        if (whole > 0)
        {
            writer.Open($"for (int d = 0; d < {(whole == dim ? "HEAD_DIM" : C.Int(whole))}; d += {CpuPlanner.Lanes})");
            writer.Add($"lanes_float x[{CpuPlanner.Lanes}];");
            EachOf16(writer, $"x[i] = {Context.Storage.Load("from[i]", "d", 16)} * {Context.QueryFactor};");
            writer.Add("transpose(x);");
            EachOf16(writer, "query[d + i][r] = x[i];");
            writer.Close();
        }

        if (whole < dim)
        {
            writer.Open($"for (int d = {whole}; d < HEAD_DIM; d++)");
            EachOf16(writer, $"((float*)&query[d][r])[i] = {Context.Storage.Load("from[i]", "d", 1)} * {Context.QueryFactor};");
            writer.Close();
        }
    }

    /// <summary>Turns lanes back into rows, and stores them.</summary>
    private void StoreOutputs(CodeWriter writer)
    {
        (int dim, int whole) = (Spec.ResolvedValueDim, WholeVectors(Spec.ResolvedValueDim));
        writer.Open("for (int r = 0; r < ROW_VECTORS; r++)");
        writer.Add($"const int rows = min({CpuPlanner.Lanes}, item.row_count - r * {CpuPlanner.Lanes});");
        if (whole > 0)
        {
            writer.Open($"for (int c = 0; c < {(whole == dim ? "VALUE_DIM" : C.Int(whole))}; c += {CpuPlanner.Lanes})");
            writer.Add($"lanes_float x[{CpuPlanner.Lanes}];");
            EachOf16(writer, "x[i] = output[c + i][r];");
            writer.Add("transpose(x);");
            StoreEach("lanes_float", "x[i]", Context.Storage.Store16, (pointer, value) => $"vstore16({value}, 0, {pointer});");
            writer.Close();
        }

        if (whole < dim)
        {
            writer.Open($"for (int c = {whole}; c < VALUE_DIM; c++)");
            StoreEach("float", "((const float*)&output[c][r])[i]", Context.Storage.Store, (pointer, value) => $"*({pointer}) = {value};");
            writer.Close();
        }

        writer.Close();

        void StoreEach(string type, string accumulated, Func<string, string, string> store, Func<string, string, string> storePartial)
        {
            writer.Open("for (int i = 0; i < rows; i++)");
            writer.Add($$"""
                const int row = r * {{CpuPlanner.Lanes}} + i;
                const {{type}} out = {{accumulated}} * factors[row];
                if (item.partial_row < 0)
                {
                    {{store("outputs + packed_row(item, kv_head, row) * VALUE_DIM + c", "out")}}
                }
                else
                {
                    {{storePartial("partial_outputs + ((long)(item.partial_row + row) * KV_HEADS + kv_head) * VALUE_DIM + c", "out")}}
                }
                """);
            writer.Close();
        }
    }

    /// <summary>Scores of <paramref name="count"/> keys from <c>j</c> on, summed in registers; <paramref name="isWhole"/>: as many as there are registers for.</summary>
    private void Products(CodeWriter writer, string count, bool isWhole)
    {
        bool leavesOut = LeavesOutHidden && isWhole;
        writer.Add($"{Rows} k = key_rows + j * HEAD_DIM;");
        writer.Open(EveryBlock);
        if (leavesOut)
        {
            writer.Add("int hidden = 0; // vectors that see none of the keys");
            writer.Open("while (hidden < VECTORS_AT_ONCE - 1 && seen[b + hidden] <= j)").Add("hidden++;").Close();
            writer.Open(EachHidden);
            writer.Open("if (first == hidden)");
        }

        writer.Add($"lanes_float sum[{count}][VECTORS_AT_ONCE];");
        EachSum(writer, count, $"sum[i][r] = (lanes_float)({(leavesOut ? "r < first ? -INFINITY : 0.0f" : "0.0f")});");
        bool linewise = isWhole && ReadsInPlace;
        if (linewise)
        {
            // Hints are spread over the products: memory takes so many at a time.
            writer.Add($"global const float* next_k = k + {count} * HEAD_DIM;");
            if (!Spec.LatentCache)
            {
                writer.Add($"global const float* v = {RowOf("value", "first_key + j")};");
            }

            writer.Open("for (int line = 0; line < HEAD_DIM; line += LINE)");
            writer.Open($"UNROLLED for (int i = 0; i < {count}; i++)");
            writer.Add("prefetch_row(next_k + i * HEAD_DIM + line, LINE * sizeof(float));");
            if (!Spec.LatentCache)
            {
                writer.Add($"prefetch_row(v + i * VALUE_DIM + {(Spec.ResolvedValueDim < Spec.HeadDim ? "min(line, VALUE_DIM - 1)" : "line")}, LINE * sizeof(float));");
            }

            writer.Close();
        }
        else if (isWhole && !Spec.LatentCache)
        {
            writer.Open($"for (int i = 0; i < {count}; i++)");
            HintRow(writer, "value", "VALUE_DIM", "first_key + j + i");
            writer.Close();
        }

        writer.Add("#pragma unroll 4");
        writer.Open(!linewise ? "for (int d = 0; d < HEAD_DIM; d++)"
            : Spec.HeadDim % CpuPlanner.Lanes == 0 ? "for (int d = line; d < line + LINE; d++)"
            : "for (int d = line; d < min(line + LINE, HEAD_DIM); d++)");
        EachSum(writer, count, "sum[i][r] = fma(query[d][b + r], (lanes_float)(k[i * HEAD_DIM + d]), sum[i][r]);", leavesOut ? "first" : "0");
        writer.Close();
        if (linewise)
        {
            writer.Close();
        }

        EachSum(writer, count, "p[j + i][b + r] = sum[i][r];");
        if (leavesOut)
        {
            writer.Close().Close();
        }

        writer.Close();
    }

    /// <summary>Asks for a token's row of the cache, to be converted soon.</summary>
    private void HintRow(CodeWriter writer, string what, string dim, string token) =>
        writer.Add($"prefetch_row({RowOf(what, token)}, {Context.Cache.RowLength(dim)} * sizeof({Context.Cache.StorageType}));");

    /// <summary><paramref name="count"/> columns of the output from <c>c</c> on, summed in registers over the tile's keys.</summary>
    private void Columns(CodeWriter writer, string count)
    {
        writer.Add($"{Rows} v = value_rows + c;");
        writer.Open(EveryBlock);
        writer.Add($"lanes_float sum[{count}][VECTORS_AT_ONCE];");
        EachSum(writer, count, "sum[i][r] = output[c + i][b + r] * rescale[b + r];");
        if (LeavesOutHidden)
        {
            writer.Add("int j = 0;");
            writer.Open(EachHidden);
        }

        writer.Add("#pragma unroll 2");
        writer.Open(LeavesOutHidden ? "for (; j < seen[b + first]; j++)" : "for (int j = 0; j < key_count; j++)");
        EachSum(writer, count, $"sum[i][r] = fma(p[j][b + r], (lanes_float)(v[j * {ValueStride} + i]), sum[i][r]);", LeavesOutHidden ? "first" : "0");
        writer.Close();
        if (LeavesOutHidden)
        {
            writer.Close();
        }

        EachSum(writer, count, "output[c + i][b + r] = sum[i][r];");
        writer.Close();
    }

    /// <summary>The statement for each of <paramref name="count"/> keys or columns and each of the vectors of rows from <c>b</c> on that have sums at a time, without a loop at run time.</summary>
    private static void EachSum(CodeWriter writer, string count, string statement, string first = "0")
    {
        writer.Open($"UNROLLED for (int i = 0; i < {count}; i++)");
        writer.Open($"UNROLLED for (int r = {first}; r < VECTORS_AT_ONCE; r++)").Add(statement).Close();
        writer.Close();
    }

    private static void EachVector(CodeWriter writer, string statements)
    {
        writer.Open(EveryVector);
        writer.Add(statements);
        writer.Close();
    }

    private static void EachOf16(CodeWriter writer, string statement)
    {
        writer.Open($"UNROLLED for (int i = 0; i < {CpuPlanner.Lanes}; i++)");
        writer.Add(statement);
        writer.Close();
    }

    private static int WholeVectors(int dim) => dim / CpuPlanner.Lanes * CpuPlanner.Lanes;

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
