namespace Kernels.OpenCL;

/// <summary>Host memory that the garbage collector never moves, for transfers that run while the host goes on.</summary>
/// <typeparam name="T">The element's type.</typeparam>
/// <param name="length">Elements.</param>
/// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative.</exception>
public sealed class PinnedArray<T>(int length)
    where T : unmanaged
{
    private readonly T[] items = GC.AllocateArray<T>(Checked(length), pinned: true);

    /// <summary>Elements.</summary>
    public int Length => items.Length;

    /// <summary>The elements. A transfer under way reads or writes them: wait for its event before touching them.</summary>
    public Span<T> Span => items;

    /// <summary>One element.</summary>
    public ref T this[int index] => ref items[index];

    internal object Storage => items;

    internal unsafe void* Address =>
        System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(items));

    private static int Checked(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return length;
    }
}
