using System.Globalization;

namespace Kernels.OpenCL;

/// <summary>The prefill tile that runs. Immutable: a measurement makes a new one.</summary>
/// <param name="Variant">0 for the planner's choice, n for the n-th of <see cref="KernelGeometry.PrefillVariants"/>.</param>
/// <param name="Tile">The tile.</param>
/// <param name="Reason">Why it was chosen.</param>
/// <param name="Milliseconds">
/// What the measurement took with each variant, from the planner's choice on; empty where there was none in this process.
/// </param>
public sealed record TileChoice(int Variant, TileGeometry Tile, TileChoiceReason Reason, IReadOnlyList<double> Milliseconds)
{
    /// <summary>The option that builds a variant.</summary>
    internal static string BuildOption(int variant) =>
        string.Create(CultureInfo.InvariantCulture, $"-D {KernelContract.VariantMacro}={variant}");

    /// <summary>For people: the tile, and why.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Tile.Rows} rows × {Tile.Keys} keys (variant {Variant}, {Description})");

    private string Description => Reason switch
    {
        TileChoiceReason.OnlyOne => "the only one",
        TileChoiceReason.Planned => "the planner's choice; tuning is off",
        TileChoiceReason.NotYetMeasured => string.Create(
            CultureInfo.InvariantCulture, $"the planner's choice; measured when a prompt of {TileSelection.LongPrompt} tokens comes"),
        TileChoiceReason.Measured =>
            "fastest of " + string.Join(", ", Milliseconds.Select(time => time.ToString("F2", CultureInfo.InvariantCulture))) + " ms",
        TileChoiceReason.Stored => "the fastest in an earlier measurement",
        TileChoiceReason.Deterministic => "the planner's choice; a deterministic spec keeps its tile",
        TileChoiceReason.NeedsInputs => "the planner's choice; mods with inputs are not measured",
        TileChoiceReason.NotMeasurable => "the planner's choice; the measurement failed",
        _ => "asked for",
    };

    internal static TileChoice Of(KernelGeometry geometry, int variant, TileChoiceReason reason, params double[] milliseconds) =>
        new(variant, variant == 0 ? geometry.Prefill : geometry.PrefillVariants[variant - 1], reason, milliseconds);
}
