using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>The live OpenCL objects of a device, so that disposing the device releases them all. Thread-safe.</summary>
internal sealed class ResourceRegistry
{
    private readonly HashSet<ClHandle> handles = [];
    private bool closed;

    /// <exception cref="ObjectDisposedException">The registry is closed; the handle was released.</exception>
    public void Add(ClHandle handle)
    {
        lock (handles)
        {
            if (!closed)
            {
                handles.Add(handle);
                return;
            }
        }

        handle.Dispose();
        throw new ObjectDisposedException(nameof(ComputeDevice));
    }

    public void Release(ClHandle handle)
    {
        lock (handles)
        {
            handles.Remove(handle);
        }

        handle.Dispose();
    }

    public void Close()
    {
        ClHandle[] remaining;
        lock (handles)
        {
            closed = true;
            remaining = [.. handles];
            handles.Clear();
        }

        foreach (ClHandle handle in remaining)
        {
            handle.Dispose();
        }
    }
}
