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
    public static string Write(KernelContext context, FlashForm form)
    {
        FlashSteps steps = context.Target.Flash(context, form);
        KernelAlgorithm algorithm = form == FlashForm.Prefill ? KernelAlgorithm.Prefill : KernelAlgorithm.Decode;
        IReadOnlyList<TilePlan> others = form == FlashForm.Prefill ? context.Plan.PrefillVariants : [];
        Holes frame = Frame(context, steps);
        return new KernelText().Render("Common/flash", new(steps.Fill(frame))
        {
            {
                "what",
                form == FlashForm.Prefill
                    ? "flash attention over many query rows"
                    : "flash attention over few query rows, keys split over work-groups"
            },
            { "entry", KernelEntryPoint.Of(algorithm) },
            { "parameters", KernelParameters.Of(context, algorithm, steps.Tile.MergesSplits) },
            { "tile", TileOf(steps, frame) },
            { "has_variants", others.Count > 0 },
            {
                "variants",
                others.Select((other, i) => new Holes
                {
                    // Without the option the macro counts as 0.
                    { "condition", $"#{(i == 0 ? "if" : "elif")} {KernelContract.VariantMacro} == {i + 1}" },
                    { "number", i + 1 },
                    { "tile", TileOf(context.Target.Variant(context, other), frame) },
                })
            },
        });
    }

    /// <summary>The constants of a tile.</summary>
    private static string TileOf(FlashSteps steps, Holes frame) => new KernelText().Render("Common/tile", new(steps.Fill(frame))
    {
        { "rows", steps.Tile.Rows },
        { "keys", steps.Tile.Keys },
    });

    /// <summary>What the templates of flash kernels can speak of beside what all kernels can.</summary>
    private static Holes Frame(KernelContext context, FlashSteps steps)
    {
        AttentionSpec spec = context.Spec;
        ScoreRules rules = context.Rules;
        TilePlan tile = steps.Tile;
        string hidesNothing = rules.HidesNothing ?? "";
        bool isVector = steps.ScoreLanes > 1;
        string scale = context.Cache.Scale == CacheScale.None ? "" : ", global const float* key_scales";
        return new Holes(context.Holes, isShared: true)
        {
            { "kernel", steps.Template },
            { "work_group", tile.WorkGroupSize },
            { "item_index", steps.ItemIndex },
            { "kv_head", steps.KvHead },
            { "asks_first_position", rules.AsksFirstPosition },
            { "asks_last_position", rules.AsksLastPosition },
            { "calls_value_row", steps.CallsValueRow },
            { "value_row_length", context.Cache.RowLength(spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM") },
            { "calls_row_functions", steps.CallsRowFunctions },
            { "makes_rows", steps.MakesRows },
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
}
