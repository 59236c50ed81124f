using Kernels.Compiler.Planning;

namespace Kernels.Compiler.Emit.Targets;

/// <summary>
/// Few query rows on a CPU, bound by reading keys and values: they are loaded in vectors along their elements, each once for
/// all rows, and converted in registers. The lanes of a score vector are [row][key]: all rows of the tile against a few keys.
/// </summary>
internal sealed class CpuDecode(KernelContext context) : CpuFlash(context)
{
    // Four folds turn 16 vectors of partial sums into one vector of 16 sums.
    private static readonly int[] FoldSteps = [8, 4, 2, 1];

    // The least that an operating system maps at a time; a processor's prefetcher stops at its end.
    private const int MemoryPageBytes = 4096;

    // Far enough ahead for a translation of an address that no cache has: a walk through tables in memory.
    private int KeysUntilTouched => HasHeads ? 64 : 128;

    private int Rows => Tile.Rows;

    /// <summary>Whether a work-item has several KV heads: what a row of the tile has, each of them has.</summary>
    private bool HasHeads => Tile.KvHeads > 1;

    public override string KvHead => HasHeads
        ? "const int first_head = get_group_id(0) * HEADS; // the heads of the longest item start first, then those of the next"
        : base.KvHead;

    public override bool CallsRowFunctions => false;

    public override bool MakesRows => false;

    /// <summary>Keys of a score vector.</summary>
    private int VectorKeys => CpuPlanner.Lanes / Rows;

    /// <summary>Items of a key in the cache.</summary>
    private string KeyLength => Context.Cache.RowLength("HEAD_DIM");

    private string ValueLength => Context.Cache.RowLength("VALUE_DIM");

    /// <summary>Keys whose scales are in one line of the processor's caches; 1 where other heads' lie between them.</summary>
    private int ScalesOfLine => Spec.Layout == KvLayout.Nhd ? 1 : CpuPrefetch.LineBytes / sizeof(float);

    /// <summary>Whether a hint at the scales of a token's first head is one at those of the others.</summary>
    private bool ScalesOfHeadsAreAdjacent => HasHeads && Spec.Layout == KvLayout.Nhd;

    /// <summary>Vectors of 16 elements in a line of the processor's caches.</summary>
    private int LineVectors => 8 * CpuPrefetch.LineBytes / (16 * Spec.ResolvedCacheStorage.BitsPerElement());

    /// <summary>The pointer to a buffer of the cache from which <c>at</c> counts.</summary>
    private string Of(string buffer) => HasHeads ? $"head_{buffer}" : buffer;

    private int KeyVectors => (Spec.HeadDim + 15) / 16;

    private int ValueVectors => (Spec.ResolvedValueDim + 15) / 16;

    /// <summary>Rows of a head one after the other in a page of the cache and of memory; 0 where rows follow each other for longer, or never.</summary>
    private int RowsOfMemoryPage => Spec.PageSize == 0 || Spec.Layout == KvLayout.Nhd
        ? 0
        : Math.Max(1, Math.Min(8 * MemoryPageBytes / (Spec.HeadDim * Spec.ResolvedCacheStorage.BitsPerElement()), Spec.PageSize));

    public override TilePlan Tile => Context.Plan.Decode;

    public override void DeclareTile(CodeWriter writer)
    {
        if (HasHeads)
        {
            writer.Add($"#define HEADS {Tile.KvHeads} // KV heads of a work-item, one after the other in each tile: their rows of a token lie close together");
        }

        writer.Add($"""
            #define VECTOR_KEYS {VectorKeys} // keys in a vector of scores, whose lanes are [row][key]
            #define KEY_VECTORS {KeyVectors} // vectors of 16 in a key
            #define VALUE_VECTORS {ValueVectors}
            """);
        writer.Add("""
            // The key that is read as a tile's i-th: 0, 4, 8, 12, 1, ... In the order of memory the processor takes the keys for one stream, and fetches on past the end of a page.
            #define KEY_AT(i) (((i) & ~15) | ((i) * 4 & 12) | ((i) >> 2 & 3))
            """);
    }

    public override void DeclareFunctions(CodeWriter writer)
    {
        base.DeclareFunctions(writer);
        foreach (int step in FoldSteps)
        {
            IEnumerable<int> lanes = Enumerable.Range(0, CpuPlanner.Lanes);
            writer.Add($$"""
                // Each lane's neighbour at distance {{step}}.
                static float16 swap_{{step}}(float16 x) { return shuffle(x, (uint16)({{string.Join(", ", lanes.Select(i => i ^ step))}})); }
                // Sums of such neighbours: x's in the lower lane of each two, y's in the upper.
                static float16 fold_{{step}}(float16 x, float16 y)
                {
                    const int16 upper = (int16)({{string.Join(", ", lanes.Select(i => (i & step) == 0 ? "0" : "-1"))}});
                    return select(x, y, upper) + swap_{{step}}(select(y, x, upper));
                }
                """).Line();
        }

        writer.Add("""
            // Whether one of some vectors has something that is not finite: its product with 0 is NaN.
            static int is_poisoned(const lanes_float* x, int count)
            {
                lanes_float zero = (lanes_float)(0.0f);
                for (int i = 0; i < count; i++)
                {
                    zero = fma(x[i], (lanes_float)(0.0f), zero);
                }
                return any(isnan(zero));
            }
            """).Line();
        CpuPrefetch.DeclareLine(writer, level: 2);
        RowEnd(writer, "key", Spec.HeadDim);
        RowEnd(writer, "value", Spec.ResolvedValueDim);
    }

    /// <summary>A function that loads what whole vectors leave of a row.</summary>
    private void RowEnd(CodeWriter writer, string what, int dim)
    {
        if (dim % 16 == 0)
        {
            return;
        }

        IEnumerable<string> elements = Enumerable.Range(0, 16).Select(i => i < dim % 16 ? Context.Cache.Load("row", C.Int(dim / 16 * 16 + i), 1) : "0.0f");
        writer.Add($"// The last {dim % 16} elements of a {what}, then zeros.");
        writer.Open($"static float16 load_{what}_end(global const {Context.Cache.StorageType}* row)");
        writer.Add($"return (float16)({string.Join(", ", elements)});");
        writer.Close().Line();
    }

    public override void Begin(CodeWriter writer)
    {
        writer.Add(HasHeads
            ? """
                lanes_float queries_of_heads[HEADS * ROWS * KEY_VECTORS];
                lanes_float outputs_of_heads[HEADS * ROWS * VALUE_VECTORS];
                lanes_float max_of_heads[HEADS]; // row_max of each
                lanes_float sum_of_heads[HEADS];
                lanes_float p[KEYS / VECTOR_KEYS]; // scores, then probabilities
                """
            : """
                lanes_float query[ROWS * KEY_VECTORS];
                lanes_float output[ROWS * VALUE_VECTORS];
                lanes_float p[KEYS / VECTOR_KEYS]; // scores, then probabilities
                lanes_float row_max = (lanes_float)(-INFINITY); // the same in all lanes of a row
                lanes_float row_sum = (lanes_float)(0.0f); // each lane has the sum of its own keys
                """);
        OpenHeads(writer);
        writer.Add($$"""
            for (int i = 0; i < ROWS * KEY_VECTORS; i++)
            {
                query[i] = (lanes_float)(0.0f);
            }
            for (int row = 0; row < item.row_count; row++)
            {
                global const {{Context.Storage.StorageType}}* from = queries + packed_row(item, kv_head, row) * HEAD_DIM;
                for (int d = 0; d < HEAD_DIM; d++)
                {
                    ((float*)(query + row * KEY_VECTORS))[d] = {{Context.Storage.Load("from", "d", 1)}} * {{Context.QueryFactor}};
                }
            }
            for (int i = 0; i < ROWS * VALUE_VECTORS; i++)
            {
                output[i] = (lanes_float)(0.0f);
            }
            """);
        TurnQueries(writer, d => $"(float*)(query + row * KEY_VECTORS) + ({d})");
        if (HasHeads)
        {
            writer.Add("max_of_heads[head] = (lanes_float)(-INFINITY);").Add("sum_of_heads[head] = (lanes_float)(0.0f);");
        }

        CloseHeads(writer);
        writer.Add("""
            const lanes_int lane = (lanes_int)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            const lanes_int lane_key = lane % VECTOR_KEYS;
            const int last_of_item = item.kv_end - 1;
            """);
        if (!HasHeads)
        {
            MakeRow(writer);
        }
    }

    public override void OpenTile(CodeWriter writer)
    {
        if (!HasHeads)
        {
            return;
        }

        FindRows(writer);
        if (ScalesOfHeadsAreAdjacent)
        {
            HintScales(writer);
        }

        bool needsNumber = RowsOfMemoryPage > 0 || Spec.MaskMod is not null || (Context.Rules.NeedsRows && Context.Rules.MakeRow.Contains("kv_head"));
        OpenHeads(writer, needsNumber: needsNumber);
        writer.Add($"""
            lanes_float row_max = max_of_heads[head]; // the same in all lanes of a row
            lanes_float row_sum = sum_of_heads[head]; // each lane has the sum of its own keys
            const long head_row = (long)head * {Context.Addressing.RowsOfHead}; // how far its rows are from those of the first head
            global const {Context.Cache.StorageType}* const head_keys = keys + head_row * {KeyLength};
            global const {Context.Cache.StorageType}* const head_values = values + head_row * {ValueLength};
            """);
        if (Context.ScalesTokens)
        {
            writer.Add("global const float* const head_key_scales = key_scales + head_row;").Add("global const float* const head_value_scales = value_scales + head_row;");
        }

        writer.Add($"""
            // The keys that are read next: this tile's of the next head, after the last head's the next tile's of the first.
            global const {Context.Cache.StorageType}* const next_keys = head + 1 < HEADS ? head_keys + {Context.Addressing.RowsOfHead} * {KeyLength} : keys;
            const int next_at = head + 1 < HEADS ? 0 : KEYS;
            """);

        MakeRow(writer);
    }

    public override void CloseTile(CodeWriter writer)
    {
        if (HasHeads)
        {
            writer.Add("max_of_heads[head] = row_max;").Add("sum_of_heads[head] = row_sum;");
        }

        CloseHeads(writer);
    }

    /// <summary>A loop over the KV heads of the work-item, with what each of them has under the names that a single one's has.</summary>
    private void OpenHeads(CodeWriter writer, bool needsNumber = true, bool needsQuery = true)
    {
        if (HasHeads)
        {
            writer.Open("for (int head = 0; head < HEADS; head++)");
            if (needsNumber)
            {
                writer.Add("const int kv_head = first_head + head;");
            }

            if (needsQuery)
            {
                writer.Add("lanes_float* const query = queries_of_heads + head * ROWS * KEY_VECTORS;");
            }

            writer.Add("lanes_float* const output = outputs_of_heads + head * ROWS * VALUE_VECTORS;");
        }
    }

    private void CloseHeads(CodeWriter writer)
    {
        if (HasHeads)
        {
            writer.Close();
        }
    }

    private void MakeRow(CodeWriter writer)
    {
        if (Context.Rules.NeedsRows)
        {
            writer.Add("Row row;").Add(Context.Rules.SetRow("row", "min(lane / VECTOR_KEYS, (lanes_int)(item.row_count - 1))"));
        }
    }

    /// <summary>Where the rows of the tile are, of the first head where there are several.</summary>
    private void FindRows(CodeWriter writer)
    {
        writer.Add($"""
            const int key_count = min(KEYS, item.kv_end - first_key);
            const int vector_count = (key_count + 15) / 16 * (16 / VECTOR_KEYS);
            long at[2 * KEYS]; // where the rows of this tile and of the next are in the cache, counted in rows{(HasHeads ? "; those of the first head" : "")}
            """);
        writer.Open("for (int j = 0; j < 2 * KEYS; j++)");
        if (HasHeads)
        {
            writer.Add("const int kv_head = first_head;");
        }

        writer.Add($"""
            // Past the end the last key again, so that nothing unwritten is read; its scores there are hidden.
            const int key = min(first_key + KEY_AT(j), last_of_item);
            at[j] = {Context.Addressing.RowOfToken("key", "1")};
            """);
        writer.Close();
    }

    public override void Scores(CodeWriter writer)
    {
        if (!HasHeads)
        {
            FindRows(writer);
        }

        if (Context.ScalesTokens)
        {
            writer.Add("lanes_float value_scale[KEYS / VECTOR_KEYS];");
        }

        TouchPages(writer);
        if (!ScalesOfHeadsAreAdjacent)
        {
            HintScales(writer);
        }

        writer.Open("for (int g = 0; g < vector_count; g++)");
        Named(writer, VectorKeys, i => $"global const {Context.Cache.StorageType}* k{i} = {Of("keys")} + at[g * VECTOR_KEYS + {i}] * {KeyLength};");
        int whole = Spec.HeadDim / 16;
        bool hintsValues = !Spec.LatentCache && whole > 0;
        if (hintsValues)
        {
            Named(writer, VectorKeys, i => $"global const {Context.Cache.StorageType}* v{i} = {Of("values")} + at[g * VECTOR_KEYS + {i}] * {ValueLength};");
        }

        for (int row = 0; row < Rows; row++)
        {
            writer.Add(string.Join(" ", Enumerable.Range(0, VectorKeys).Select(i => $"float16 s{row}_{i} = (float16)(0.0f);")));
        }

        if (whole > 0)
        {
            writer.Add("#pragma unroll 2");
            writer.Open($"for (int d = 0; d < {whole}; d++)");
            if (hintsValues)
            {
                HintValues(writer);
            }

            Products(writer, "d", whole: true);
            writer.Close();
        }

        if (Spec.HeadDim % 16 > 0)
        {
            writer.Open();
            Products(writer, C.Int(whole), whole: false);
            writer.Close();
        }

        List<string> sums = [.. Enumerable.Range(0, CpuPlanner.Lanes).Select(i => $"s{i / VectorKeys}_{i % VectorKeys}")];
        foreach (int step in FoldSteps)
        {
            List<string> folded = step == 1 ? ["p[g]"] : [.. Enumerable.Range(0, step).Select(i => $"f{step}_{i}")];
            Named(writer, step, i => $"{(step == 1 ? "" : "const float16 ")}{folded[i]} = fold_{step}({sums[i]}, {sums[i + step]});");
            sums = folded;
        }

        if (Context.ScalesTokens)
        {
            string Lanes(string name) => string.Join(", ", Enumerable.Range(0, CpuPlanner.Lanes).Select(i => $"{name}{i % VectorKeys}"));
            Named(writer, VectorKeys, i => $"const float x{i} = {Of("key_scales")}[at[g * VECTOR_KEYS + {i}]];");
            Named(writer, VectorKeys, i => $"const float y{i} = {Of("value_scales")}[at[g * VECTOR_KEYS + {i}]];");
            writer.Add($"p[g] *= (float16)({Lanes("x")});").Add($"value_scale[g] = (float16)({Lanes("y")});");
        }

        writer.Close();
    }

    public override void Transform(CodeWriter writer)
    {
        writer.Open("for (int g = 0; g < vector_count; g++)");
        writer.Add($"p[g] = transform_score(p[g], row, min(first_key + KEY_AT(g * VECTOR_KEYS + lane_key), (lanes_int)(last_of_item)){Context.Rules.TransformArguments});");
        writer.Close();
    }

    public override void Hide(CodeWriter writer)
    {
        writer.Open("for (int g = 0; g < vector_count; g++)");
        writer.Add($"const lanes_int key = first_key + KEY_AT(g * VECTOR_KEYS + lane_key);");
        writer.Add(Context.Rules.HidesKeys
            ? $"""
                const lanes_int visible = is_visible(row, min(key, (lanes_int)(last_of_item)){Context.Rules.VisibleArguments}) && key <= last_of_item;
                p[g] = lanes_select((lanes_float)(-INFINITY), p[g], visible);
                """
            : "p[g] = lanes_select((lanes_float)(-INFINITY), p[g], key <= last_of_item);");
        writer.Close();
    }

    public override void Softmax(CodeWriter writer)
    {
        writer.Line().Add("""
            lanes_float new_max = row_max;
            for (int g = 0; g < vector_count; g++)
            {
                new_max = fmax(new_max, p[g]);
            }
            """);
        for (int step = VectorKeys / 2; step > 0; step /= 2)
        {
            writer.Add($"new_max = fmax(new_max, swap_{step}(new_max));");
        }

        writer.Line();
        MoveMaximum(writer, "row_max", "new_max", "base", "rescale", declares: true);
        writer.Add($$"""
            row_sum *= rescale;
            for (int g = 0; g < vector_count; g++)
            {
                p[g] = exp2_lanes({{Context.Rules.Power("p[g]", "base")}});
                row_sum += p[g];
            """);
        if (Context.ScalesTokens)
        {
            writer.Add("    p[g] *= value_scale[g]; // the weight of an element before its scale");
        }

        writer.Add("}").Line();
    }

    public override void Accumulate(CodeWriter writer)
    {
        // 16 vectors of sums fit into registers: all rows, so that a value is loaded and converted once, and as many columns as that leaves.
        int columns = Math.Min(ValueVectors, 16 / Rows);
        int whole = Spec.ResolvedValueDim / 16;
        for (int c = 0; c < ValueVectors; c += columns)
        {
            int count = Math.Min(columns, ValueVectors - c);
            writer.Open();
            Named(writer, Rows, r => $"const float rescale_{r} = ((const float*)&rescale)[{r} * VECTOR_KEYS];");
            for (int r = 0; r < Rows; r++)
            {
                Named(writer, count, i => $"lanes_float o{r}_{i} = output[{r} * VALUE_VECTORS + {c + i}] * rescale_{r};");
            }

            writer.Open("for (int g = 0; g < vector_count; g++)");
            writer.Add("const float* w = (const float*)(p + g); // 0 for keys past the end").Add("#pragma unroll");
            writer.Open("for (int i = 0; i < VECTOR_KEYS; i++)");
            writer.Add("const int j = g * VECTOR_KEYS + i;");
            writer.Add($"global const {Context.Cache.StorageType}* next_key = {(HasHeads ? "next_keys + at[next_at + j]" : "keys + at[KEYS + j]")} * {KeyLength};");
            writer.Add($"global const {Context.Cache.StorageType}* v = {(Spec.LatentCache ? $"keys + at[j] * {KeyLength}" : $"{Of("values")} + at[j] * {ValueLength}")};");
            Named(writer, Rows, r => $"const float w{r} = w[{r} * VECTOR_KEYS + i];");
            for (int i = 0; i < count; i++)
            {
                HintNextKey(writer, (c + i) * KeyVectors / ValueVectors, (c + i + 1) * KeyVectors / ValueVectors);
                writer.Add($"const float16 v{i} = {(c + i < whole ? Context.Cache.Load("v", C.Int(16 * (c + i)), 16) : "load_value_end(v)")};");
                Named(writer, Rows, r => $"o{r}_{i} = fma(v{i}, (float16)(w{r}), o{r}_{i});");
            }

            writer.Close().Close();
            for (int r = 0; r < Rows; r++)
            {
                Named(writer, count, i => $"output[{r} * VALUE_VECTORS + {c + i}] = o{r}_{i};");
            }

            writer.Close();
        }
    }

    public override void Finish(CodeWriter writer)
    {
        OpenHeads(writer, needsQuery: false);
        if (HasHeads)
        {
            writer.Add("const lanes_float row_max = max_of_heads[head];").Add("lanes_float row_sum = sum_of_heads[head];");
        }

        for (int step = VectorKeys / 2; step > 0; step /= 2)
        {
            writer.Add($"row_sum += swap_{step}(row_sum);");
        }

        StoreRows(
            writer,
            "((const float*)&row_max)[row * VECTOR_KEYS]",
            "((const float*)&row_sum)[row * VECTOR_KEYS]",
            "((const float*)(output + row * VALUE_VECTORS))[c]",
            "is_poisoned(output + row * VALUE_VECTORS, VALUE_VECTORS)");
        CloseHeads(writer);
    }

    /// <summary>Asks for a line of each page of memory that a later tile's rows lie in: hints at the other lines would wait for its address.</summary>
    private void TouchPages(CodeWriter writer)
    {
        if (RowsOfMemoryPage == 0)
        {
            return;
        }

        writer.Add($"// A line of each page of memory that keys {KeysUntilTouched} from here lie in, so that later hints find the page's address translated.");
        writer.Open($"for (int j = {KeysUntilTouched}; j < {KeysUntilTouched} + KEYS; j += {RowsOfMemoryPage})");
        writer.Add("const int key = min(first_key + j, last_of_item);");
        writer.Add($"const long touched = {Context.Addressing.RowOfToken("key", "1")};");
        writer.Add($"prefetch_line(keys + touched * {KeyLength});");
        if (!Spec.LatentCache)
        {
            writer.Add($"prefetch_line(values + touched * {ValueLength});");
        }

        writer.Close();
    }

    /// <summary>Asks for the scales of the next tile's rows, which few lines hold.</summary>
    private void HintScales(CodeWriter writer)
    {
        if (!Context.ScalesTokens)
        {
            return;
        }

        writer.Open($"for (int j = KEYS; j < 2 * KEYS; j += {ScalesOfLine})");
        string keyScales = ScalesOfHeadsAreAdjacent ? "key_scales" : Of("key_scales"), valueScales = ScalesOfHeadsAreAdjacent ? "value_scales" : Of("value_scales");
        writer.Add($"prefetch_line({keyScales} + at[j]);").Add($"prefetch_line({valueScales} + at[j]);");
        writer.Close();
    }

    /// <summary>Asks for the lines that begin in the vectors <c>d</c> of the values: spread over the products, since memory takes so many hints at a time.</summary>
    private void HintValues(CodeWriter writer)
    {
        List<string> conditions = [];
        if (LineVectors > 1)
        {
            conditions.Add($"d % {LineVectors} == 0");
        }

        if (ValueVectors < KeyVectors)
        {
            conditions.Add("d < VALUE_VECTORS");
        }

        if (conditions.Count > 0)
        {
            writer.Open($"if ({string.Join(" && ", conditions)})");
        }

        Named(writer, VectorKeys, i => $"prefetch_line(v{i} + {Context.Cache.RowLength("d * 16")});");
        if (conditions.Count > 0)
        {
            writer.Close();
        }
    }

    /// <summary>Asks for the lines that begin in the vectors from <paramref name="first"/> to <paramref name="end"/> of the next tile's key.</summary>
    private void HintNextKey(CodeWriter writer, int first, int end)
    {
        foreach (int vector in Enumerable.Range(first, end - first).Where(vector => vector % LineVectors == 0))
        {
            writer.Add($"prefetch_line(next_key + {Context.Cache.RowLength(C.Int(16 * vector))});");
        }
    }

    /// <summary>All rows against the vectors <paramref name="d"/> of the keys.</summary>
    private void Products(CodeWriter writer, string d, bool whole)
    {
        Named(writer, VectorKeys, i => $"const float16 x{i} = {(whole ? Context.Cache.Load($"k{i}", $"{d} * 16", 16) : $"load_key_end(k{i})")};");
        for (int row = 0; row < Rows; row++)
        {
            writer.Add($"const float16 q{row} = query[{(row == 0 ? "" : $"{row} * KEY_VECTORS + ")}{d}];");
            Named(writer, VectorKeys, i => $"s{row}_{i} = fma(q{row}, x{i}, s{row}_{i});");
        }
    }
}
