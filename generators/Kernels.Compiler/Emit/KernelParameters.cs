using Kernels.Compiler.Emit.Codecs;

namespace Kernels.Compiler.Emit;

/// <summary>Declares a kernel's parameters from the list that the host sets its arguments by.</summary>
internal static class KernelParameters
{
    /// <summary>The parameters, a line each with its comment, and the parenthesis that closes them.</summary>
    /// <param name="context">What the kernel is written from.</param>
    /// <param name="algorithm">The kernel.</param>
    /// <param name="mergesSplits">Of a flash kernel, whether its last work-group merges the splits of a work tile.</param>
    public static string Of(KernelContext context, KernelAlgorithm algorithm, bool mergesSplits = false)
    {
        KernelArguments arguments = KernelArguments.Of(algorithm,
            context.Spec.Shape, mergesSplits, hasMaskMod: context.Spec.MaskMod is not null);
        KernelInput[] parameters =
            [.. arguments.Own.Select(argument => Of(context, algorithm, argument)), .. KernelInput.Of(arguments, context.Spec)];
        return string.Join("\n", parameters.Select((parameter, i) =>
            $"{parameter.Type} {parameter.Name}{(i + 1 < parameters.Length ? "," : ")")}"
                + $"{(parameter.Meaning.Length == 0 ? "" : " // " + parameter.Meaning)}"));
    }

    private static KernelInput Of(KernelContext context, KernelAlgorithm algorithm, KernelArgument argument)
    {
        string storage = context.Storage.StorageType, cache = context.Cache.StorageType;
        bool combines = algorithm == KernelAlgorithm.Combine,
            merges = algorithm == KernelAlgorithm.Merge,
            appends = algorithm == KernelAlgorithm.Append;
        bool converts = context.Spec.Storage != context.Spec.ResolvedCacheStorage, convertsKeys = converts || context.Rope.IsOn;
        string scales = appends && context.ScalesTokens ? "" : "const ";
        return argument switch
        {
            KernelArgument.Queries => new($"global const {storage}* restrict", "queries", "[tokens, QUERY_HEADS, HEAD_DIM]"),
            KernelArgument.NewKeys => new($"global const {Moved(context.Storage, convertsKeys)}* restrict",
                "new_keys", "[tokens, KV_HEADS, HEAD_DIM]"),
            KernelArgument.NewValues => new($"global const {Moved(context.Storage, converts)}* restrict",
                "new_values", "[tokens, KV_HEADS, VALUE_DIM]"),
            KernelArgument.Keys when appends => new($"global {Moved(context.Cache, convertsKeys)}* restrict", "keys", ""),
            KernelArgument.Values when appends => new($"global {Moved(context.Cache, converts)}* restrict", "values", ""),
            KernelArgument.Keys => new($"global const {cache}* restrict", "keys", ""),
            KernelArgument.Values => new($"global const {cache}* restrict", "values", ""),
            KernelArgument.Capacity => new("int", "capacity", context.Spec.PageSize > 0 ? "" : "tokens that a sequence has room for"),
            KernelArgument.KeyScales => new($"global {scales}float*",
                "key_scales", context.ScalesTokens ? "one a token and KV head" : "[KV_HEADS]"),
            KernelArgument.ValueScales => new($"global {scales}float*", "value_scales", ""),
            KernelArgument.Outputs when merges => new($"global const {storage}* restrict",
                "outputs", "[states, tokens, QUERY_HEADS, VALUE_DIM]"),
            KernelArgument.Lse when merges => new("global const float* restrict", "lse", "[states, tokens, QUERY_HEADS]"),
            KernelArgument.Outputs => new($"global {storage}* restrict", "outputs", "[tokens, QUERY_HEADS, VALUE_DIM]"),
            KernelArgument.Lse => new("global float* restrict", "lse", "[tokens, QUERY_HEADS]: natural log of the softmax denominator"),
            KernelArgument.PartialOutputs => new($"global {(combines ? "const " : "")}float* restrict",
                "partial_outputs", "[partial rows, KV_HEADS, VALUE_DIM]"),
            KernelArgument.PartialStates => new($"global {(combines ? "const " : "")}float2* restrict", "partial_states",
                $"[partial rows, KV_HEADS]: {context.Rules.StateComment}"),
            KernelArgument.MergeCounters => new("global int*", "merge_counters",
                "[partial rows, KV_HEADS]: splits that have ended; 0 between launches"),
            KernelArgument.Plan => new("global const int* restrict", "plan", ""),
            KernelArgument.WorkAt => new("int", "work_at", "where the work tiles begin in the plan"),
            KernelArgument.RowsAt => new("int", "rows_at", "where the rows to merge begin in the plan"),
            KernelArgument.SlotsAt => new("int", "slots_at", "where the tokens' slots begin in the plan; a negative slot is skipped"),
            KernelArgument.PositionsAt => new("int", "positions_at", "where the tokens' positions begin in the plan"),
            KernelArgument.States => new("int", "states", ""),
            KernelArgument.Merged => new($"global {storage}* restrict", "merged", "[tokens, QUERY_HEADS, VALUE_DIM]"),
            KernelArgument.MergedLse => new("global float* restrict", "merged_lse", "[tokens, QUERY_HEADS]"),
            KernelArgument.TileClasses when algorithm == KernelAlgorithm.ClassifyTiles =>
                new("global uchar* restrict", "tile_classes", "[work tiles, CLASS_HEADS, class_stride]"),
            KernelArgument.TileClasses => new("global const uchar*", "tile_classes", "[work tiles, CLASS_HEADS, class_stride]"),
            KernelArgument.TileKeys => new("int", "tile_keys", "keys of a tile"),
            KernelArgument.ClassStride => new("int", "class_stride", "tiles of the work tile with the most keys; 0: there are no classes"),
            _ => throw new ArgumentOutOfRangeException(nameof(argument), argument, "No kernel is given this."),
        };
    }

    /// <summary>What append moves: half can be loaded only with conversion, so a plain copy moves its bits as an integer.</summary>
    private static string Moved(Codec codec, bool converts) => converts || codec is Float32Codec ? codec.StorageType : "ushort";
}
