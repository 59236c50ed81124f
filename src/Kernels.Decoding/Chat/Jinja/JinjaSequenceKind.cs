namespace Kernels.Decoding;

/// <summary>Which of Python's sequences a list stands for.</summary>
internal enum JinjaSequenceKind
{
    List,
    Tuple,
    Range,

    /// <summary>The keys, values or items of a mapping, which have no places.</summary>
    View,

    /// <summary>What can be gone through once: the result of a filter such as map.</summary>
    Iterator,
}
