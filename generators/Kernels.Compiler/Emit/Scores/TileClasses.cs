using Kernels.Compiler.Specs;

namespace Kernels.Compiler.Emit.Scores;

/// <summary>
/// A block mask: what a spec's mask makes of each tile of keys for the rows of a work tile, found out once and then known
/// to every layer. Only mask mods have one: of the other masks the planner and a comparison of positions know as much.
/// </summary>
internal static class TileClasses
{
    /// <summary>Heads that have classes of their own: 0 without a mask mod, 1 where the mod does not look at the head.</summary>
    public static int Heads(AttentionSpec spec) => spec.MaskMod is null ? 0 : spec.MaskMod.UsesHead ? spec.KvHeads : 1;
}
