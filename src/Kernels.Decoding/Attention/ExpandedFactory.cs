namespace Kernels.Decoding;

/// <summary>Makes expanded attention of one layer for a number of sequences of up to a number of tokens.</summary>
internal delegate IDivisibleAttention ExpandedFactory(int sequences, int capacity);
