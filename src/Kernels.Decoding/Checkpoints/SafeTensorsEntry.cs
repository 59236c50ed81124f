namespace Kernels.Decoding;

/// <summary>Where a tensor lies in its file.</summary>
/// <param name="Info">Its type and shape.</param>
/// <param name="Offset">Its first byte, from the beginning of the file.</param>
/// <param name="Bytes">Its bytes.</param>
internal sealed record SafeTensorsEntry(TensorInfo Info, long Offset, long Bytes);
