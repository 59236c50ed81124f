namespace Kernels.Decoding;

/// <summary>Norms of heads, before rope.</summary>
/// <param name="Queries">The norm of a query head.</param>
/// <param name="Keys">The norm of a key head.</param>
/// <param name="SpanHeads">Whether the norms are of all heads of a token together.</param>
internal sealed record HeadNorms(RmsNorm Queries, RmsNorm Keys, bool SpanHeads = false);
