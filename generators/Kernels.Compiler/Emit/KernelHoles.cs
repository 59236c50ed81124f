using Kernels.Compiler.Emit.Codecs;
using Kernels.Compiler.Emit.Scores;
using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit;

/// <summary>
/// What every template of a spec's kernels can speak of: the spec's numbers and options, its types, and how rows are found, loaded and
/// stored.
/// </summary>
internal static class KernelHoles
{
    public static Holes Of(KernelContext context)
    {
        AttentionSpec spec = context.Spec;
        ScoreRules rules = context.Rules;
        var holes = new Holes(isShared: true)
        {
            // For the comment at the top.
            { "name", spec.Name },
            { "target_name", context.Target.DisplayName },
            {
                "grouping",
                spec.GroupSize == 1 ? "multi-head"
                    : spec.KvHeads == 1 ? "multi-query"
                    : $"grouped-query, {spec.GroupSize} query heads to a KV head"
            },
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
            { "mask_mod", spec.MaskMod is not null },

            // Scores: whether steps change them, whether masks hide keys, whether either asks about rows; base 2 or natural.
            { "transforms", rules.Transforms },
            { "hides_keys", rules.HidesKeys },
            { "needs_rows", rules.NeedsRows },
            { "base_2", rules.IsBase2 },
            { "scale", C.Float(rules.QueryScale) },
            { "lag_8", rules.Lag8 },
            { "power", arguments => arguments.Length == 2 ? rules.Power(arguments[0], arguments[1]) : rules.Power(arguments[0]) },
            { "sink_power", arguments => rules.SinkPower(arguments[0], arguments[1]) },
            { "natural", arguments => rules.Natural(arguments[0]) },
            { "transform_arguments", rules.TransformArguments },
            { "visible_arguments", rules.VisibleArguments },
            { "make_row", arguments => $"make_row({rules.RowArguments}, {arguments[0]})" },
            { "set_row", arguments => $"set_row(&{arguments[0]}, {rules.RowArguments}, {arguments[1]});" },

            // The functions on scores, and the names in which they are written.
            { "mods", spec.ScoreMod is not null || spec.MaskMod is not null },
            { "int_buffers", spec.ModInputs.Any(input => input.Type == ModInputType.IntBuffer) },
            { "float_buffers", spec.ModInputs.Any(input => input.Type == ModInputType.FloatBuffer) },
            { "mod_sources", new[] { spec.ScoreMod, spec.MaskMod }.OfType<ModFunction>().Select(mod => mod.Source.TrimEnd()) },
            { "of_16_lanes", arguments => string.Join(", ", "0123456789abcdef".Select(lane => arguments[0].Replace('#', lane))) },
            { "row_parameters", rules.RowParameters },
            { "row_values", rules.RowValues.Select(value => value.Holes) },
            { "row_has_gap", rules.RowHasGap },
            { "asks_head", rules.AsksHead },
            { "asks_batch", rules.AsksBatch },
            { "asks_prefix", rules.AsksPrefix },
            { "score_steps", rules.Steps.Select(step => new Holes(step.Holes) { { "template", step.Template } }) },
            { "transform_parameters", rules.TransformParameters },
            { "visible_parameters", rules.VisibleParameters },
            { "is_visible", rules.Visible },

            // Queries, new keys and values, outputs.
            { "storage", context.Storage.StorageType },
            { "load", arguments => context.Storage.Load(arguments[0], arguments[1], 1) },
            { "load_vector", arguments => context.Storage.Load(arguments[1], arguments[2], int.Parse(arguments[0])) },
            { "store", arguments => context.Storage.Store(arguments[0], arguments[1]) },
            { "store_4", arguments => context.Storage.Store4(arguments[0], arguments[1]) },
            { "store_16", arguments => context.Storage.Store16(arguments[0], arguments[1]) },
            { "store_function", context.Storage.StoreFunction },

            // The cache. A row's length is in items of its type; a scale belongs to a token, to a head, or to a group within a row.
            { "cache", context.Cache.StorageType },
            { "codec", context.Cache.Holes },
            { "two_in_a_byte", context.Cache.ElementsInItem == 2 },
            { "append_elements", context.Cache.ElementsInItem * context.Plan.AppendWorkGroupSize },
            { "cache_constants", context.Cache.Constants },
            { "load_cached", arguments => context.Cache.Load(arguments[0], arguments[1], 1) },
            { "load_cached_vector", arguments => context.Cache.Load(arguments[1], arguments[2], int.Parse(arguments[0])) },
            { "load_function", arguments => context.Cache.LoadFunction(int.Parse(arguments[0])) },
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

            // A work tile.
            { "work_ints", KernelContract.WorkTileInts },
            {
                "work_fields",
                KernelContract.WorkTileFields.Select(field => new Holes { { "declaration", Declaration(field.Name, field.Comment) } })
            },

            // A block mask.
            { "tile_partial", KernelContract.TilePartial },
            { "tile_empty", KernelContract.TileEmpty },
            { "tile_full", KernelContract.TileFull },
            { "class_heads", TileClasses.Heads(spec) },
            { "heads_have_classes", TileClasses.Heads(spec) > 1 },
            { "inputs_to_work", rules.Inputs.Select(input => input.ToWork).Where(statement => statement.Length > 0) },

            // Rope: the elements of a pair.
            { "rotary_dim", spec.ResolvedRotaryDim },
            { "turns_some", spec.ResolvedRotaryDim < spec.HeadDim },
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
