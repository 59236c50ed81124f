namespace Kernels.Compiler.Targets.Sm80;

/// <summary>
/// A tile for tensor cores: warps along the rows in prefill, along the keys in decode; the keys and values of several
/// tiles are on their way into local memory at a time.
/// </summary>
/// <param name="CopyWarps">Warps that copy for the others, which then do not.</param>
internal sealed record Sm80Tile(
    int Rows, int Keys, int WarpsAlongRows, int WarpsAlongKeys, int Stages, int LocalBytes, int GroupsPerUnit, int CopyWarps = 0)
    : TilePlan(Rows, Keys, ThreadsX: 32, ThreadsY: (WarpsAlongRows * WarpsAlongKeys) + CopyWarps, LocalBytes, GroupsPerUnit)
{
    public override bool MergesSplits => WarpsAlongKeys > 1;
}
