namespace Kernels.Decoding;

/// <summary>The parts of a decoder, in the order that a token passes through them.</summary>
/// <param name="Embedding">Token id to residual stream.</param>
/// <param name="Layers">The decoder layers.</param>
/// <param name="FinalNorm">The norm before the head.</param>
/// <param name="Head">Residual stream to logits; null for an encoder, which has none.</param>
internal sealed record DecoderParts(TokenEmbedding Embedding, DecoderLayer[] Layers, INorm FinalNorm, Linear? Head);
