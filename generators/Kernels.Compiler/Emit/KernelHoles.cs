using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit;

/// <summary>What every template of a spec's kernels can speak of: the spec's numbers and options, its types, and how rows are found, loaded and stored.</summary>
internal static class KernelHoles
{
    public static Holes Of(KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        ScoreRules rules = context.Rules;
        string turning = spec.LatentCache ? "(d - VALUE_DIM)" : "d";
        var holes = new Holes(isShared: true)
        {
            // For the comment at the top.
            { "name", spec.Name },
            { "target_name", context.Target.DisplayName },
            { "grouping", spec.GroupSize == 1 ? "multi-head" : spec.KvHeads == 1 ? "multi-query" : $"grouped-query, {spec.GroupSize} query heads to a KV head" },
            { "rules_name", rules.DisplayName },
            { "storage_name", context.Storage.DisplayName },
            { "addressing_name", context.Addressing.DisplayName },
            { "cache_name", context.Cache.DisplayName },

            // Numbers.
            { "query_heads", spec.QueryHeads },
            { "kv_heads", spec.KvHeads },
            { "group", spec.GroupSize },
            { "head_dim", spec.HeadDim },
            { "value_dim", spec.ResolvedValueDim },
            { "append_work_group", context.Plan.AppendWorkGroupSize },
            { "combine_work_group", context.Plan.CombineWorkGroupSize },

            // The cache as a whole, and mods. Options have a condition each, see below.
            { "latent", spec.LatentCache },
            { "paged", spec.PageSize > 0 },
            { "mask_mod", spec.MaskMod is not null },

            // Scores: whether steps change them, whether masks hide keys, whether either asks about rows; base 2 or natural.
            { "transforms", rules.Transforms },
            { "hides_keys", rules.HidesKeys },
            { "needs_rows", rules.NeedsRows },
            { "base_2", rules.IsBase2 },
            { "scale", C.Float(rules.QueryScale) },
            { "scale_comment", rules.ScaleComment },
            { "logarithms", rules.Logarithms },
            { "state_comment", rules.StateComment },
            { "lag_8", rules.Lag8 },
            { "power", arguments => arguments.Length == 2 ? rules.Power(arguments[0], arguments[1]) : rules.Power(arguments[0]) },
            { "sink_power", arguments => rules.SinkPower(arguments[0], arguments[1]) },
            { "natural", arguments => rules.Natural(arguments[0]) },
            { "transform_arguments", rules.TransformArguments },
            { "visible_arguments", rules.VisibleArguments },
            { "make_row", arguments => $"{rules.MakeRow}{arguments[0]})" },
            { "set_row", arguments => rules.SetRow(arguments[0], arguments[1]) },

            // Queries, new keys and values, outputs.
            { "storage", context.Storage.StorageType },
            { "load", arguments => context.Storage.Load(arguments[0], arguments[1], 1) },
            { "load_vector", arguments => context.Storage.Load(arguments[1], arguments[2], int.Parse(arguments[0])) },
            { "store", arguments => context.Storage.Store(arguments[0], arguments[1]) },
            { "store_4", arguments => context.Storage.Store4(arguments[0], arguments[1]) },
            { "store_16", arguments => context.Storage.Store16(arguments[0], arguments[1]) },
            { "store_helper", context.Storage.StoreHelper },

            // The cache. A row's length is in items of its type; a scale belongs to a token, to a head, or to a group within a row.
            { "cache", context.Cache.StorageType },
            { "cache_constants", context.Cache.Constants },
            { "load_cached", arguments => context.Cache.Load(arguments[0], arguments[1], 1) },
            { "load_cached_vector", arguments => context.Cache.Load(arguments[1], arguments[2], int.Parse(arguments[0])) },
            { "load_helper", arguments => context.Cache.LoadHelper(int.Parse(arguments[0])) },
            { "row_length", arguments => context.Cache.RowLength(arguments[0]) },
            { "scaled", context.Cache.Scale is CacheScale.PerToken or CacheScale.PerHead },
            { "scales_tokens", context.ScalesTokens },
            { "scales_heads", context.Cache.Scale == CacheScale.PerHead },
            { "query_factor", context.QueryFactor },
            { "output_factor", context.OutputFactor },
            { "addressing", context.Addressing.Arguments },
            { "address_parameters", context.Addressing.FunctionParameters },
            { "row_of_token", arguments => context.Addressing.RowOfToken(arguments[0], arguments[1]) },
            { "row_of_slot", arguments => context.Addressing.RowOfSlot(arguments[0], arguments[1]) },
            { "rows_of_head", context.Addressing.RowsOfHead },

            // A work item.
            { "item_ints", KernelContract.WorkItemInts },
            { "item_fields", KernelContract.WorkItemFields.Select(field => new Holes { { "declaration", Declaration(field.Name, field.Comment) } }) },

            // A block mask.
            { "tile_partial", KernelContract.TilePartial },
            { "tile_empty", KernelContract.TileEmpty },
            { "tile_full", KernelContract.TileFull },
            { "class_heads", TileClasses.Heads(spec) },
            { "class_heads_comment", TileClasses.Heads(spec) == 1 ? "one class for all heads" : "a class for each KV head" },
            { "inputs_to_item", rules.Inputs.Select(input => input.ToItem).Where(statement => statement.Length > 0) },

            // Rope: the elements of a pair.
            { "rotary_dim", spec.ResolvedRotaryDim },
            { "rotary_pairs", spec.Rope == RopeStyle.HalfSplit ? "i turns with i + ROTARY_DIM / 2" : "2i turns with 2i + 1" },
            { "rope_pair", spec.Rope == RopeStyle.HalfSplit ? $"{turning} % (ROTARY_DIM / 2)" : $"{turning} / 2" },
            { "rope_is_first", spec.Rope == RopeStyle.HalfSplit ? $"{turning} < ROTARY_DIM / 2" : $"{turning} % 2 == 0" },
            { "turns_some", spec.ResolvedRotaryDim < spec.HeadDim },
            { "does_not_turn", spec.LatentCache ? "d < VALUE_DIM || d >= VALUE_DIM + ROTARY_DIM" : "d >= ROTARY_DIM" },
            { "half_split", spec.Rope == RopeStyle.HalfSplit },
            { "rope_first", arguments => context.Rope.First(arguments[0]) },
            { "rope_second", arguments => context.Rope.Second(arguments[0]) },
        };
        AttentionShape shape = spec.Shape;
        foreach (AttentionOption option in AttentionShape.Options)
        {
            holes.Add(option.Condition, option.IsIn(shape));
        }

        return holes;
    }

    private static string Declaration(string name, string comment) => comment.Length == 0 ? $"int {name};" : $"int {name}; // {comment}";
}
