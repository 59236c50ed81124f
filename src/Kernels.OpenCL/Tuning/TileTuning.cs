using System.Collections.Concurrent;

namespace Kernels.OpenCL;

/// <summary>
/// The tiles chosen for a device: measured once, remembered in the process and, beside the built programs, on disk. What is on
/// disk is keyed by source, device and driver, and counts for nothing where it is damaged. Thread-safe.
/// </summary>
internal sealed class TileTuning(ComputeDevice device, TuningMode mode)
{
    /// <summary>The environment variable with the mode: "off", "on" or "force".</summary>
    public const string EnvironmentVariable = "KERNELS_TUNE";

    private readonly ConcurrentDictionary<ProgramKey, Lazy<TileChoice>> chosen = new();

    public static TuningMode ModeFromEnvironment() => Parse(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <exception cref="ArgumentException">The value is none of the modes.</exception>
    public static TuningMode Parse(string? value) => value?.Trim().ToLowerInvariant() switch
    {
        null or "" or "off" => TuningMode.Off,
        "on" => TuningMode.On,
        "force" => TuningMode.Force,
        _ => throw new ArgumentException($"Expected \"off\", \"on\" or \"force\" in {EnvironmentVariable}, got \"{value}\"."),
    };

    /// <summary>The prefill tile to run.</summary>
    public TileChoice Choose<TSpec, TElement>(AttentionDescriptor descriptor, KernelTarget target, KernelGeometry geometry)
        where TElement : unmanaged
    {
        if (geometry.PrefillVariants.Count == 0)
        {
            return TileChoice.Of(geometry, 0, TileChoiceReason.OnlyOne);
        }

        if (mode == TuningMode.Off)
        {
            return TileChoice.Of(geometry, 0, TileChoiceReason.Planned);
        }

        if (descriptor.HasModInputs)
        {
            return TileChoice.Of(geometry, 0, TileChoiceReason.NeedsInputs);
        }

        ProgramKey key = KeyOf(descriptor, target);
        return chosen.GetOrAdd(key, _ => new(() => Find())).Value;

        TileChoice Find()
        {
            if (mode == TuningMode.On && device.Programs.Note(key) is [byte stored] && stored <= geometry.PrefillVariants.Count)
            {
                return TileChoice.Of(geometry, stored, TileChoiceReason.Stored);
            }

            try
            {
                double[] times = TileTimer.Measure<TSpec, TElement>(device, descriptor, target, geometry.PrefillVariants.Count + 1);
                int fastest = Array.IndexOf(times, times.Min());
                device.Programs.SaveNote(key, [(byte)fastest]);
                return TileChoice.Of(geometry, fastest, TileChoiceReason.Measured, times);
            }
            catch (ComputeException) when (!device.IsLost)
            {
                return TileChoice.Of(geometry, 0, TileChoiceReason.NotMeasurable);
            }
        }
    }

    /// <summary>Under what a choice is kept.</summary>
    internal ProgramKey KeyOf(AttentionDescriptor descriptor, KernelTarget target) =>
        ProgramKey.Of(ProgramForm.Source, descriptor.Source(target, KernelAlgorithm.Prefill), "tile choice", device.Capabilities);
}
