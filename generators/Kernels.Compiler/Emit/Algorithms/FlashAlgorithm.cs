using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;
using Kernels.Compiler.Targets;

namespace Kernels.Compiler.Emit.Algorithms;

/// <summary>
/// Flash attention: a work-group keeps a tile of query rows and goes through the keys tile by tile with an online softmax,
/// so that memory does not depend on the number of keys. A row is one (token, query head) pair; all query heads of a KV
/// head are rows of the same tile, so a key is read once for its whole group.
/// </summary>
internal static class FlashAlgorithm
{
    public static string Write(KernelContext context, FlashForm form)
    {
        FlashSteps steps = context.Target.Flash(context, form == FlashForm.Prefill ? context.Plan.Prefill : context.Plan.Decode);
        KernelAlgorithm algorithm = form == FlashForm.Prefill ? KernelAlgorithm.Prefill : KernelAlgorithm.Decode;
        IReadOnlyList<TilePlan> others = form == FlashForm.Prefill ? context.Plan.PrefillVariants : [];
        Holes frame = Frame(context, steps), filled = steps.Fill(frame);
        return new KernelText().Render("Common/flash", new(filled)
        {
            {
                "what",
                form == FlashForm.Prefill
                    ? "flash attention over many query rows"
                    : "flash attention over few query rows, keys split over work-groups"
            },
            { "entry", KernelEntryPoint.Of(algorithm) },
            { "parameters", KernelParameters.Of(context, algorithm, steps.Tile.MergesSplits) },
            { "tile", TileOf(steps.Tile, filled) },
            { "has_variants", others.Count > 0 },
            {
                "variants",
                others.Select((other, i) => new Holes
                {
                    // Without the option the macro counts as 0.
                    { "condition", $"#{(i == 0 ? "if" : "elif")} {KernelContract.VariantMacro} == {i + 1}" },
                    { "number", i + 1 },
                    { "tile", TileOf(other, context.Target.Flash(context, other).Fill(frame)) },
                })
            },
        });
    }

    /// <summary>The constants of a tile.</summary>
    private static string TileOf(TilePlan tile, Holes filled) => new KernelText().Render("Common/tile", new(filled)
    {
        { "rows", tile.Rows },
        { "keys", tile.Keys },
    });

    /// <summary>What the templates of flash kernels can speak of beside what all kernels can.</summary>
    private static Holes Frame(KernelContext context, FlashSteps steps)
    {
        AttentionSpec spec = context.Spec;
        ScoreRules rules = context.Rules;
        TilePlan tile = steps.Tile;
        bool isScaled = context.Cache.Scale != CacheScale.None;
        return new Holes(context.Holes, isShared: true)
        {
            { "kernel", steps.Template },
            { "work_group", tile.WorkGroupSize },
            { "has_heads", tile.KvHeads > 1 },
            { "head_by_head", steps.StartsHeadByHead },
            {
                "work_index",
                steps.StartsHeadByHead ? "(get_group_id(1) * KV_HEADS + get_group_id(0)) % get_num_groups(1)" : "get_group_id(1)"
            },
            { "asks_first_position", rules.AsksFirstPosition },
            { "asks_last_position", rules.AsksLastPosition },
            { "calls_value_row", steps.CallsValueRow },
            { "value_row_length", context.Cache.RowLength(spec.LatentCache ? "HEAD_DIM" : "VALUE_DIM") },
            { "calls_row_functions", steps.CallsRowFunctions },
            { "makes_rows", steps.MakesRows },
            { "leaves_out_tiles", steps.CanLeaveOutTiles },

            // Whether a tile's scores can have keys that are hidden, and a condition under which it has none.
            { "hides", rules.HidesKeys || steps.ReadsPastEnd },
            { "hides_nothing", rules.HidesNothing ?? "" },
            { "reads_past_end", steps.ReadsPastEnd },

            // Rows that are calculated again.
            { "vector", context.Target.ScoreLanes > 1 },
            { "score_lanes", context.Target.ScoreLanes },
            { "lane_numbers", string.Join(", ", Enumerable.Range(0, context.Target.ScoreLanes)) },
            { "key_scale_parameter", isScaled ? ", float key_scale" : "" },
            { "key_scales_parameter", isScaled ? ", global const float* key_scales" : "" },
            { "key_scales_argument", isScaled ? ", key_scales" : "" },
            {
                "key_scale_argument",
                token => context.ScalesTokens ? $", key_scales[{context.Addressing.RowOfToken(token[0], "1")}]"
                    : isScaled ? ", key_scales[kv_head]" : ""
            },
            { "times_key_scale", isScaled ? " * key_scale" : "" },
            { "times_value_scale", isScaled ? " * value_scale" : "" },
            { "angles_parameter", context.Rope.IsOn ? ", global const float2* angles" : "" },
            { "angles_argument", context.Rope.IsOn ? ", angles" : "" },
            { "row_parameter", rules.NeedsRows ? ", Row row" : "" },
            { "row_argument", rules.NeedsRows ? ", exact_row" : "" },
            { "score_parameters", KernelInput.Parameters(rules.ScoreInputs) },
            { "score_arguments", KernelInput.Arguments(rules.ScoreInputs) },
        };
    }
}
