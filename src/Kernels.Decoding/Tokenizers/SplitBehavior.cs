namespace Kernels.Decoding;

/// <summary>What becomes of the matches when a text is split by them, by the names that tokenizer files have.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}
