namespace Kernels.OpenCL;

/// <summary>A prefill tile, and the geometry of the kernels with it. Plans hold on to theirs.</summary>
/// <param name="Choice">The tile.</param>
/// <param name="Geometry">What steps are planned with; its prefill tile is the chosen one.</param>
internal sealed record LaunchTiles(TileChoice Choice, KernelGeometry Geometry)
{
    public static LaunchTiles Of(KernelGeometry emitted, TileChoice choice) => new(choice, emitted with { Prefill = choice.Tile });
}
