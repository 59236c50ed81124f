namespace Kernels.OpenCL;

/// <summary>
/// Which tile new plans of a spec on a device get. Launchers with the same kernels share one, so that each is measured once. Thread-safe.
/// </summary>
/// <param name="first">What runs at first.</param>
/// <param name="measure">Finds the fastest; null where there is nothing to measure.</param>
internal sealed class TileSelection(LaunchTiles first, Func<LaunchTiles>? measure = null)
{
    /// <summary>
    /// Query tokens of the shortest prompt that is worth a measurement. Shorter ones take less time than the builds of the other tiles,
    /// and they are what a user sees first of a process: their first token must not wait.
    /// </summary>
    public const int LongPrompt = 256;

    private readonly Lock measuring = new();
    private volatile LaunchTiles current = first;

    /// <summary>What is known so far.</summary>
    public LaunchTiles Current => current;

    /// <summary>The fastest. The first call measures, others wait for it.</summary>
    public LaunchTiles Measured()
    {
        if (!IsOpen)
        {
            return current;
        }

        lock (measuring)
        {
            if (IsOpen)
            {
                current = measure!();
            }

            return current;
        }
    }

    private bool IsOpen => current.Choice.Reason == TileChoiceReason.NotYetMeasured;
}
