using Kernels.Compiler.Emit.Text;
using Kernels.Compiler.Planning;
using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Targets.Nvidia;

/// <summary>Query rows whose keys and values lie in local memory as 16-bit elements; those of a quantised cache become that there.</summary>
internal sealed class NvidiaMmaFlash(KernelContext context, NvidiaTile tile) : NvidiaFlash(context)
{
    public override TilePlan Tile => tile;

    public override string Template => "Nvidia/mma";

    public override bool CanLeaveOutTiles => false;

    public override Holes Fill(Holes around)
    {
        bool expands = Context.Cache.Scale != CacheScale.None, splitsKeys = tile.WarpsAlongKeys > 1;
        return new(base.Fill(around))
        {
            { "splits_keys", splitsKeys },
            { "expands", expands },
            { "holds_queries", tile.Rows / tile.WarpsAlongRows / NvidiaPlanner.BlockRows * Spec.HeadDim <= 128 },
            { "warps_along_rows", tile.WarpsAlongRows },
            { "warps_along_keys", tile.WarpsAlongKeys },
            { "stages", tile.Stages },
            { "key_stride", NvidiaPlanner.Stride16(Spec.HeadDim) },
            { "value_stride", NvidiaPlanner.Stride16(Spec.ResolvedValueDim) },
            { "scale_size", Context.ScalesTokens ? "2 * KEYS / 4" : "0" },
            { "local_size", tile.LocalBytes / 16 },

            // Rows of a work-group, or of a warp that has its own, in pieces of 16 bytes: so many items of the cache's storage type.
            { "copier", splitsKeys ? "lane" : "thread" },
            { "copied_rows", splitsKeys ? "WARP_KEYS" : "KEYS" },
            { "copiers", splitsKeys ? "32" : "WORK_GROUP" },
            { "copy_begin", splitsKeys ? "warp_key + " : "" },
            { "piece_items", expands ? 16 : 8 },
            { "copied_key_pieces", expands ? "KEY_PIECES" : "(HEAD_DIM / 8)" },
            { "copied_value_pieces", expands ? "VALUE_PIECES" : "(VALUE_DIM / 8)" },
            { "copied_key_stride", expands ? "KEY_PIECES" : "KEY_STRIDE" },
            { "copied_value_stride", expands ? "VALUE_PIECES" : "VALUE_STRIDE" },
        };
    }
}
