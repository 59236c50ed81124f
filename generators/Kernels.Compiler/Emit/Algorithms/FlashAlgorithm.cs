using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Targets;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>The two shapes in which flash attention is needed; they differ in the tile and in the kernel's name.</summary>
internal enum FlashForm
{
    Prefill,
    Decode,
}

/// <summary>
/// Flash attention: a work-group keeps a tile of query rows and goes through the keys tile by tile with an online softmax,
/// so that memory does not depend on the number of keys. A row is one (token, query head) pair; all query heads of a KV
/// head are rows of the same tile, so a key is read once for its whole group.
/// </summary>
internal static class FlashAlgorithm
{
    public static void Write(CodeWriter writer, KernelContext context, FlashForm form)
    {
        AttentionSpec spec = context.Spec;
        FlashSteps steps = context.Target.Flash(context, form);
        TilePlan tile = steps.Tile;
        (string what, string name) = form == FlashForm.Prefill
            ? ("flash attention over many query rows", "flash_prefill")
            : ("flash attention over few query rows, keys split over work-groups", "flash_decode");
        if (steps.Template is { } template)
        {
            KernelAlgorithm algorithm = form == FlashForm.Prefill ? KernelAlgorithm.Prefill : KernelAlgorithm.Decode;
            IReadOnlyList<TilePlan> others = form == FlashForm.Prefill ? context.Plan.PrefillVariants : [];
            Holes frame = Frame(context, steps, template);
            writer.Render("Common/flash", new(steps.Fill(frame))
            {
                { "what", what },
                { "entry", KernelEntryPoint.Of(algorithm) },
                { "parameters", KernelParameters.Of(context, algorithm, steps.Tile.MergesSplits) },
                { "tile", TileOf(steps, frame) },
                { "has_variants", others.Count > 0 },
                { "variants", others.Select((other, i) => new Holes
                {
                    // Without the option VARIANT counts as 0.
                    { "condition", $"#{(i == 0 ? "if" : "elif")} VARIANT == {i + 1}" },
                    { "number", i + 1 },
                    { "tile", TileOf(context.Target.Variant(context, other), frame) },
                }) },
            });
            return;
        }

        Prelude.Header(writer, context, what);
        Prelude.HeadConstants(writer, spec);
        Prelude.Constants(writer, context.Cache);
        writer.Add($"""
            #define SCALE {C.Float(context.Rules.QueryScale)} // score scale{context.Rules.ScaleComment}
            {context.Rules.Logarithms}
            """);
        writer.Line();
        IReadOnlyList<TilePlan> variants = form == FlashForm.Prefill ? context.Plan.PrefillVariants : [];
        if (variants.Count == 0)
        {
            Tile(writer, steps);
        }
        else
        {
            // Without the option VARIANT counts as 0.
            for (int i = 1; i <= variants.Count; i++)
            {
                writer.Add($"#{(i == 1 ? "if" : "elif")} VARIANT == {i} // by the build's option -D VARIANT={i}");
                Tile(writer, context.Target.Variant(context, variants[i - 1]));
            }

            writer.Add("#else // the planner's choice");
            Tile(writer, steps);
            writer.Add("#endif");
        }

        writer.Line();
        Prelude.Helpers(writer, context.Storage.StoreHelper);
        context.Rope.Declare(writer);
        steps.DeclareFunctions(writer);
        WorkItem(writer);
        context.Rope.DeclareQueryAngles(writer);
        if (steps.CallsRowFunctions)
        {
            Addresses(writer, context, steps);
        }

        context.Rules.Declare(writer, steps.MakesRows);
        ExactRows.Declare(writer, context, steps.ScoreLanes);
        TileClasses.Declare(writer, spec);
        writer.Add($"""
            kernel __attribute__((reqd_work_group_size({tile.WorkGroupSize}, 1, 1)))
            void {name}(
                {KernelParameters.Of(context, form == FlashForm.Prefill ? KernelAlgorithm.Prefill : KernelAlgorithm.Decode, tile.MergesSplits).Replace("\n", "\n    ")}
            """);
        writer.Open();
        writer.Add($"""
            const WorkItem item = read_item(plan + items_at, {steps.ItemIndex});
            const int sequence = item.sequence;
            {steps.KvHead}
            """);
        foreach (KernelInput input in context.Rules.Inputs.Where(input => input.ToItem.Length > 0))
        {
            writer.Add(input.ToItem);
        }

        if (context.Rules.HidesNothing?.Contains("first_position") == true)
        {
            writer.Add("const int first_position = item.position + item.first_row / GROUP; // of the tile's queries");
        }

        if (context.Rules.HidesNothing?.Contains("last_position") == true)
        {
            writer.Add("const int last_position = item.position + (item.first_row + item.row_count - 1) / GROUP;");
        }

        writer.Line();
        steps.Begin(writer);
        writer.Line();
        writer.Open("for (int first_key = item.kv_begin; first_key < item.kv_end; first_key += KEYS)");
        steps.OpenTile(writer);
        ClassifyTile(writer, spec, steps.CanLeaveOutTiles, steps.ItemIndex);
        steps.Scores(writer);
        if (context.Rules.Transforms)
        {
            steps.Transform(writer);
        }

        Hide(writer, context, steps);
        steps.Softmax(writer);
        steps.Accumulate(writer);
        steps.CloseTile(writer);
        writer.Close().Line();
        steps.Finish(writer);
        writer.Close();
    }

    /// <summary>Declares <c>tile_class</c>, what the mask mod makes of the tile at <c>first_key</c>; nothing where there is no mask mod.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="spec">The spec.</param>
    /// <param name="leavesOutEmpty">Whether the loop over the keys goes on without tiles in which nothing is visible.</param>
    /// <param name="itemIndex">Expression: the index of the work-group's item.</param>
    public static void ClassifyTile(CodeWriter writer, AttentionSpec spec, bool leavesOutEmpty, string itemIndex = "get_group_id(1)")
    {
        if (spec.MaskMod is null)
        {
            return;
        }

        writer.Add($"const int tile_class = class_stride > 0 ? tile_classes[class_row({itemIndex}, kv_head, class_stride) + (first_key - item.kv_begin) / KEYS] : TILE_PARTIAL;");
        if (leavesOutEmpty)
        {
            writer.Open("if (tile_class == TILE_EMPTY)").Add("continue;").Close();
        }
    }

    /// <summary>The constants of a tile.</summary>
    private static string TileOf(FlashSteps steps, Holes frame) => new KernelText().Render("Common/tile", new(steps.Fill(frame))
    {
        { "rows", steps.Tile.Rows },
        { "keys", steps.Tile.Keys },
    });

    /// <summary>What the templates of flash kernels can speak of beside what all kernels can.</summary>
    private static Holes Frame(KernelContext context, FlashSteps steps, string template)
    {
        AttentionSpec spec = context.Spec;
        ScoreRules rules = context.Rules;
        TilePlan tile = steps.Tile;
        string hidesNothing = rules.HidesNothing ?? "";
        bool isVector = steps.ScoreLanes > 1;
        string scale = context.Cache.Scale == CacheScale.None ? "" : ", global const float* key_scales";
        return new Holes(context.Holes, isShared: true)
        {
            { "kernel", template },
            { "work_group", tile.WorkGroupSize },
            { "item_index", steps.ItemIndex },
            { "kv_head", steps.KvHead },
            { "asks_first_position", hidesNothing.Contains("first_position") },
            { "asks_last_position", hidesNothing.Contains("last_position") },
            { "calls_value_row", steps.CallsValueRow },
            { "value_row_length", context.Cache.RowLength(spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM") },
            { "calls_row_functions", steps.CallsRowFunctions },
            { "score_functions", CodeWriter.Text(text => rules.Declare(text, steps.MakesRows)) },
            { "leaves_out_tiles", steps.CanLeaveOutTiles },

            // Whether a tile's scores can have keys that are hidden, and what stands before the braces in which they are.
            { "hides", rules.HidesKeys || steps.ReadsPastEnd },
            {
                "hides_where",
                !rules.HidesKeys ? "if (first_key + KEYS > item.kv_end)"
                    : rules.HidesNothing is null ? spec.MaskMod is null ? "" : "if (tile_class != TILE_FULL)"
                    : steps.ReadsPastEnd ? $"const int last_key = first_key + KEYS - 1;\nif (!(last_key < item.kv_end && {hidesNothing}))"
                    : $"const int last_key = first_key + key_count - 1;\nif (!({hidesNothing}))"
            },

            // Rows that are calculated again.
            { "vector", isVector },
            { "score_lanes", steps.ScoreLanes },
            { "lane_numbers", string.Join(", ", Enumerable.Range(0, steps.ScoreLanes)) },
            { "angles_parameter", context.Rope.IsOn ? ", global const float2* angles" : "" },
            { "exact_query", context.Rope.IsOn ? "turned(query, angles, d)" : context.Storage.Load("query", "d", 1) },
            { "exact_scale_parameter", scale.Length > 0 ? ", float key_scale" : "" },
            { "exact_scale", scale.Length > 0 ? " * key_scale" : "" },
            { "exact_value_scale", scale.Length > 0 ? " * value_scale" : "" },
            {
                "exact_product",
                arguments => $"exact_product(query, keys + {context.Addressing.RowOfToken(arguments[0], context.Cache.RowLength("HEAD_DIM"))}"
                    + (context.ScalesTokens ? $", key_scales[{context.Addressing.RowOfToken(arguments[0], "1")}]" : scale.Length > 0 ? ", key_scales[kv_head]" : "")
                    + (context.Rope.IsOn ? ", angles)" : ")")
            },
            {
                "exact_parameters",
                $"global const {context.Storage.StorageType}* query, global const {context.Cache.StorageType}* keys{scale}, int sequence, int kv_head, int {(isVector ? "first_key" : "key")}, int end, "
                    + context.Addressing.FunctionParameters + (rules.NeedsRows ? ", Row row" : "") + (context.Rope.IsOn ? ", global const float2* angles" : "") + KernelInput.Parameters(rules.ScoreInputs)
            },
            {
                "exact_arguments",
                arguments => $"query, keys{(scale.Length > 0 ? ", key_scales" : "")}, sequence, kv_head, {arguments[0]}, item.kv_end, "
                    + context.Addressing.Arguments + (rules.NeedsRows ? ", exact_row" : "") + (context.Rope.IsOn ? ", angles" : "") + KernelInput.Arguments(rules.ScoreInputs)
            },
        };
    }

    private static void Tile(CodeWriter writer, FlashSteps steps)
    {
        writer.Add($"""
            // A work-group has {steps.Tile.Rows} query rows and reads {steps.Tile.Keys} keys at a time.
            #define ROWS {steps.Tile.Rows}
            #define KEYS {steps.Tile.Keys}
            """);
        steps.DeclareTile(writer);
    }

    /// <summary>Hides keys where that is needed: not in tiles that lie inside the sequence and that the mask leaves whole.</summary>
    private static void Hide(CodeWriter writer, KernelContext context, FlashSteps steps)
    {
        ScoreRules rules = context.Rules;
        if (rules.HidesKeys && rules.HidesNothing is null)
        {
            writer.Open(context.Spec.MaskMod is null ? null : "if (tile_class != TILE_FULL)");
        }
        else if (rules.HidesKeys)
        {
            writer.Add(steps.ReadsPastEnd ? "const int last_key = first_key + KEYS - 1;" : "const int last_key = first_key + key_count - 1;");
            writer.Open($"if (!({(steps.ReadsPastEnd ? "last_key < item.kv_end && " : "")}{rules.HidesNothing}))");
        }
        else if (!steps.ReadsPastEnd)
        {
            return;
        }
        else
        {
            writer.Open("if (first_key + KEYS > item.kv_end)");
        }

        steps.Hide(writer);
        writer.Close();
    }

    /// <summary>The work item and how it is read.</summary>
    public static void WorkItem(CodeWriter writer) => writer.Add("""
        // Rows of one sequence against a range of its keys; the host plans the items, one work-group for each KV head takes one.
        typedef struct
        {
            int query_begin; // index of the sequence's first query token among the packed tokens
            int first_row;   // the item's first row in the sequence: token * GROUP + head in group
            int row_count;   // rows of the item, at most ROWS
            int position;    // key position of the sequence's first query token
            int kv_begin;    // the keys to read
            int kv_end;
            int sequence;    // whose keys they are
            int partial_row; // where the partial state goes; -1: these are all the keys, write the final output
            int batch;       // index of the request in the launch
            int prefix;      // keys at the beginning that every query sees, in a prefix-LM
            int key_begin;   // index of the sequence's first key among the keys of all requests
            int first_partial_row; // of the first of the splits that the last of them merges
            int splits;            // how many these are; 0: none
        } WorkItem;

        static WorkItem read_item(global const int* items, int index)
        {
            const int8 x = vload8(0, items + index * 13);
            const int4 y = vload4(0, items + index * 13 + 8);
            const WorkItem item = { x.s0, x.s1, x.s2, x.s3, x.s4, x.s5, x.s6, x.s7, y.s0, y.s1, y.s2, y.s3, items[index * 13 + 12] };
            return item;
        }

        // Index of an item's row among the (token, query head) rows of queries and outputs.
        static long packed_row(WorkItem item, int kv_head, int row)
        {
            const int r = item.first_row + row;
            return (long)(item.query_begin + r / GROUP) * QUERY_HEADS + kv_head * GROUP + r % GROUP;
        }
        """).Line();

    private static void Addresses(CodeWriter writer, KernelContext context, FlashSteps steps)
    {
        var rows = new List<(string Name, string Dim)> { ("key_row", context.Cache.RowLength("HEAD_DIM")) };
        if (steps.CallsValueRow)
        {
            rows.Add(("value_row", context.Cache.RowLength(context.Spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM")));
        }

        if (context.Cache.Scale == CacheScale.PerToken)
        {
            rows.Add(("scale_index", "1"));
        }

        foreach ((string name, string dim) in rows)
        {
            writer.Open($"static long {name}(int sequence, int kv_head, int token, {context.Addressing.FunctionParameters})");
            writer.Add($"return {context.Addressing.RowOfToken("token", dim)};");
            writer.Close().Line();
        }
    }
}
