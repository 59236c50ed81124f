using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>
/// A block mask: what a spec's mask makes of each tile of keys for the rows of a work item, found out once and then known
/// to every layer. Only mask mods have one: of the other masks the planner and a comparison of positions know as much.
/// </summary>
internal static class TileClasses
{
    /// <summary>Heads that have classes of their own: 0 without a mask mod, 1 where the mod does not look at the head.</summary>
    public static int Heads(AttentionSpec spec) => spec.MaskMod is null ? 0 : spec.MaskMod.UsesHead ? spec.KvHeads : 1;

    /// <summary>What a flash kernel is given of it, with a leading comma.</summary>
    public static string Parameters(AttentionSpec spec) => spec.MaskMod is null
        ? ""
        : ", global const uchar* tile_classes, int class_stride";

    /// <summary>The classes' numbers, and where an item's begin.</summary>
    public static void Declare(CodeWriter writer, AttentionSpec spec)
    {
        if (spec.MaskMod is null)
        {
            return;
        }

        writer.Add($$"""
            // What the mask makes of a tile of keys, for the rows of an item: tile_classes is [items, CLASS_HEADS, class_stride]; stride 0: not known.
            #define TILE_PARTIAL 0 // some rows see some of the keys: the mask is asked
            #define TILE_EMPTY 1   // no row sees any of the keys
            #define TILE_FULL 2    // every row sees all of the keys, none of which lies past the item's end
            #define CLASS_HEADS {{Heads(spec)}} // {{(Heads(spec) == 1 ? "one class for all heads" : "a class for each KV head")}}

            static long class_row(int index_of_item, int kv_head, int class_stride)
            {
                return ((long)index_of_item * CLASS_HEADS + kv_head % CLASS_HEADS) * class_stride;
            }
            """).Line();
    }
}
