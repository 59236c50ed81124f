using System.Collections.Concurrent;

namespace Kernels.OpenCL;

/// <summary>
/// The tiles chosen for a device: measured once, remembered in the process and, beside the built programs, on disk. What is on
/// disk is keyed by source, device and driver, and counts for nothing where it is damaged. Thread-safe.
/// </summary>
internal sealed class TileTuning(ComputeDevice device, TuningMode mode)
{
    /// <summary>The environment variable with the mode: "on", "off" or "force".</summary>
    public const string EnvironmentVariable = "KERNELS_TUNE";

    private readonly ConcurrentDictionary<ProgramKey, TileSelection> selections = new();

    public static TuningMode ModeFromEnvironment() => Parse(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <exception cref="ArgumentException">The value is none of the modes.</exception>
    public static TuningMode Parse(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" or "on" => TuningMode.On,
        "off" => TuningMode.Off,
        "force" => TuningMode.Force,
        _ => throw new ArgumentException($"Expected \"on\", \"off\" or \"force\" in {EnvironmentVariable}, got \"{value}\"."),
    };

    /// <summary>The prefill tile to run, now and once it has been measured. Nothing is measured here.</summary>
    public TileSelection Select<TSpec, TElement>(AttentionDescriptor descriptor, KernelTarget target, KernelGeometry geometry)
        where TElement : unmanaged
    {
        TileChoiceReason? settled = geometry.PrefillVariants.Count == 0 ? TileChoiceReason.OnlyOne
            : mode == TuningMode.Off ? TileChoiceReason.Planned
            : descriptor.Shape.Deterministic ? TileChoiceReason.Deterministic
            : descriptor.HasModInputs ? TileChoiceReason.NeedsInputs
            : null;
        return settled is { } reason
            ? new(Tiles(0, reason))
            : selections.GetOrAdd(
                KeyOf(descriptor, target), key => new(Stored(key) ?? Tiles(0, TileChoiceReason.NotYetMeasured), () => Find(key)));

        LaunchTiles Tiles(int variant, TileChoiceReason why, params double[] milliseconds) =>
            LaunchTiles.Of(geometry, TileChoice.Of(geometry, variant, why, milliseconds));

        LaunchTiles? Stored(ProgramKey key) => mode == TuningMode.On && device.Programs.Note(key) is [byte stored]
            && stored <= geometry.PrefillVariants.Count
            ? Tiles(stored, TileChoiceReason.Stored)
            : null;

        LaunchTiles Find(ProgramKey key)
        {
            // Another process may have measured since.
            if (Stored(key) is { } found)
            {
                return found;
            }

            try
            {
                double[] times = TileTimer.Measure<TSpec, TElement>(device, descriptor, target, geometry.PrefillVariants.Count + 1);
                int fastest = Array.IndexOf(times, times.Min());
                device.Programs.SaveNote(key, [(byte)fastest]);
                return Tiles(fastest, TileChoiceReason.Measured, times);
            }
            catch (ComputeException) when (!device.IsLost)
            {
                return Tiles(0, TileChoiceReason.NotMeasurable);
            }
        }
    }

    /// <summary>Under what a choice is kept.</summary>
    internal ProgramKey KeyOf(AttentionDescriptor descriptor, KernelTarget target) =>
        ProgramKey.Of(ProgramForm.Source, descriptor.Source(target, KernelAlgorithm.Prefill), "tile choice", device.Capabilities);
}
