using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>A file that is mapped into memory to be read.</summary>
internal sealed unsafe partial class MappedFile : IDisposable
{
    private const int WillNeed = 3; // MADV_WILLNEED

    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private bool disposed;

    private MappedFile(string path, MemoryMappedFile map, MemoryMappedViewAccessor view, byte* start, long length)
    {
        Path = path;
        this.map = map;
        this.view = view;
        Start = start;
        Length = length;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Where it begins.</summary>
    public byte* Start { get; }

    /// <summary>Its bytes.</summary>
    public long Length { get; }

    /// <param name="path">The file.</param>
    /// <param name="least">The bytes that it must have.</param>
    /// <param name="what">What these are, for the message that it has fewer.</param>
    /// <exception cref="CheckpointException">The file cannot be opened, or is shorter.</exception>
    public static MappedFile Open(string path, int least, string what)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Files of weights are little-endian, and are used in place.");
        }

        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            long length = stream.Length;
            if (length < least)
            {
                stream.Dispose();
                throw new CheckpointException(path, $"has {length} bytes, fewer than the {least} of {what}");
            }

            map = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            return new MappedFile(path, map, view, start + view.PointerOffset, length);
        }
        catch (Exception e)
        {
            view?.Dispose();
            map?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException(path, "cannot be opened: " + e.Message, e);
            }

            throw;
        }
    }

    /// <summary>Where so many bytes of the file are.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not all inside the file.</exception>
    public byte* Address(long offset, long bytes)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return offset >= 0 && bytes >= 0 && offset <= Length - bytes
            ? Start + offset
            : throw new ArgumentOutOfRangeException(
                nameof(offset), offset, $"{bytes} bytes from byte {offset} are not inside the {Length} bytes of the file.");
    }

    /// <summary>Asks the operating system to read bytes that will be needed soon; no more than a hint.</summary>
    public void ReadAhead(long offset, long bytes)
    {
        if (OperatingSystem.IsLinux() && bytes > 0)
        {
            nint page = Environment.SystemPageSize, first = (nint)Address(offset, bytes) & -page;
            _ = Advise(first, (nuint)((nint)(Start + offset + bytes) - first), WillNeed);
        }
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

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint bytes, int advice);
}
