namespace Kernels.OpenCL;

/// <summary>How many tiles of a block mask are of which class.</summary>
/// <param name="Empty">Tiles of which no query sees any key: they are left out.</param>
/// <param name="Partial">Tiles of which queries see some keys: the mask is asked about each.</param>
/// <param name="Full">Tiles of which every query sees all keys: the mask is not asked.</param>
public readonly record struct TileCounts(long Empty, long Partial, long Full)
{
    /// <summary>All tiles.</summary>
    public long Total => Empty + Partial + Full;

    /// <summary>Adds class by class.</summary>
    public static TileCounts operator +(TileCounts a, TileCounts b) => new(a.Empty + b.Empty, a.Partial + b.Partial, a.Full + b.Full);
}
