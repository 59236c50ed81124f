using System.Diagnostics.CodeAnalysis;

namespace Kernels.OpenCL;

/// <summary>A bounded stack of objects to be used again. Thread-safe; allocates nothing.</summary>
internal sealed class ObjectPool<T>(int capacity)
    where T : class
{
    private readonly T?[] items = new T?[capacity];
    private int count;

    public bool TryRent([NotNullWhen(true)] out T? item)
    {
        lock (items)
        {
            if (count == 0)
            {
                item = null;
                return false;
            }

            item = items[--count]!;
            items[count] = null;
            return true;
        }
    }

    /// <summary>Keeps the object, or lets it go where the pool is full.</summary>
    public bool Return(T item)
    {
        lock (items)
        {
            if (count == items.Length)
            {
                return false;
            }

            items[count++] = item;
            return true;
        }
    }
}
