namespace Kernels;

/// <summary>Hashes a page's tokens after the hash of all tokens before them.</summary>
internal delegate int PrefixHash(int parentHash, ReadOnlySpan<int> tokens);
