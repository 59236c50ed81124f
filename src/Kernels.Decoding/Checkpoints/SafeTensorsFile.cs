using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;

namespace Kernels.Decoding;

/// <summary>Where a tensor lies in its file.</summary>
/// <param name="Info">Its type and shape.</param>
/// <param name="Offset">Its first byte, from the beginning of the file.</param>
internal sealed record SafeTensorsEntry(TensorInfo Info, long Offset);

/// <summary>One memory-mapped <c>*.safetensors</c> file with its validated header.</summary>
internal sealed unsafe class SafeTensorsFile : IDisposable
{
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;
    private readonly long length;
    private bool disposed;

    private SafeTensorsFile(string path, MemoryMappedFile map, MemoryMappedViewAccessor view, byte* start, long length)
    {
        Path = path;
        this.map = map;
        this.view = view;
        this.start = start;
        this.length = length;
        Entries = SafeTensorsHeader.Read(path, Span<byte>(0, (int)Math.Min(length, SafeTensorsHeader.MaxLength)), length);
    }

    public string Path { get; }

    /// <summary>The tensors, by name.</summary>
    public IReadOnlyDictionary<string, SafeTensorsEntry> Entries { get; }

    /// <exception cref="CheckpointException">The file cannot be opened, or its header is not well-formed.</exception>
    public static SafeTensorsFile Open(string path)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("The safetensors format is little-endian, and its tensors are used in place.");
        }

        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        byte* start = null;
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            long length = stream.Length;
            if (length < SafeTensorsHeader.PrefixLength)
            {
                stream.Dispose();
                throw new CheckpointException(path, $"has {length} bytes, fewer than the {SafeTensorsHeader.PrefixLength} of a header length");
            }

            map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += view.PointerOffset;
            return new SafeTensorsFile(path, map, view, start, length);
        }
        catch (Exception e)
        {
            if (start is not null)
            {
                view!.SafeMemoryMappedViewHandle.ReleasePointer();
            }

            view?.Dispose();
            map?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException(path, "cannot be opened: " + e.Message, e);
            }

            throw;
        }
    }

    /// <summary>Elements of the map. They need not be aligned to their size: old files place tensors at any byte.</summary>
    public ReadOnlySpan<T> Span<T>(long offset, int count) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (offset < 0 || count < 0 || offset > length - ((long)count * Unsafe.SizeOf<T>()))
        {
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"{count} elements from byte {offset} are not inside the {length} bytes of the file.");
        }

        return new ReadOnlySpan<T>(start + offset, count);
    }

    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map.Dispose();
        }
    }
}
