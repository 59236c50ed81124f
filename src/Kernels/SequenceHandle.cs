using System.Globalization;

namespace Kernels;

/// <summary>
/// A sequence of a cache, from when it is added until it is released. A handle that is used after that, or with another cache, gets an
/// error,
/// never a sequence that has the same place by then.
/// </summary>
public readonly record struct SequenceHandle
{
    private static long made;

    private SequenceHandle(int index, long generation)
    {
        Index = index;
        Generation = generation;
    }

    /// <summary>The sequence's place in its cache: a small number, which later sequences have too.</summary>
    public int Index { get; }

    /// <summary>Another for each sequence of the process; 0: the handle is of no sequence.</summary>
    internal long Generation { get; }

    /// <summary>Makes a handle that equals no other, for who keeps sequences without a cache.</summary>
    /// <param name="index">The sequence's place; 0 or more.</param>
    public static SequenceHandle Create(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return new(index, Interlocked.Increment(ref made));
    }

    /// <summary>The place.</summary>
    public override string ToString() => Generation == 0 ? "none" : Index.ToString(CultureInfo.InvariantCulture);
}
