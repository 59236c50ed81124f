namespace Kernels.Costs;

/// <summary>Layers of one shape.</summary>
/// <param name="Shape">Their attention.</param>
/// <param name="Layers">How many there are.</param>
public readonly record struct CachedLayers(AttentionShape Shape, int Layers);
