namespace Kernels.Decoding;

/// <summary>Stands for the spec of a layer where a type is asked for that carries one.</summary>
internal sealed class LayerSpec;
