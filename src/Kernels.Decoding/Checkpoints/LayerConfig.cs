namespace Kernels.Decoding;

/// <summary>What a model's configuration says of one of its layers.</summary>
/// <param name="Attention">Its attention.</param>
/// <param name="Rope">Rotary position embedding of queries and keys; null for none.</param>
internal sealed record LayerConfig(AttentionGeometry Attention, RopeConfig? Rope);
