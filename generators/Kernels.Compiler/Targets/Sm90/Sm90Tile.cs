namespace Kernels.Compiler.Targets.Sm90;

/// <summary>A tile for wgmma: groups of four warps that multiply, and one more that copies keys and values for them.</summary>
internal sealed record Sm90Tile(int Rows, int Groups, int Keys, int Stages, int LocalBytes)
    : TilePlan(Rows, Keys, ThreadsX: 128, ThreadsY: Groups + 1, LocalBytes, GroupsPerUnit: 1)
{
    /// <summary>Registers of a work-item that copies, after it has given the others back; a multiple of 8.</summary>
    public int CopyRegisters => Groups == 2 ? 40 : 32;

    /// <summary>
    /// Registers of a work-item that holds rows, after it has taken those; with the copying ones no more than the 65536 of a
    /// multiprocessor.
    /// </summary>
    public int RowRegisters => Groups == 2 ? 232 : 160;
}
