namespace Kernels.Decoding;

/// <summary>One memory-mapped <c>*.safetensors</c> file with its validated header.</summary>
internal sealed unsafe class SafeTensorsFile : IDisposable
{
    private readonly MappedFile map;

    private SafeTensorsFile(MappedFile map)
    {
        this.map = map;
        Entries = SafeTensorsHeader.Read(
            map.Path, new ReadOnlySpan<byte>(map.Start, (int)Math.Min(map.Length, SafeTensorsHeader.MaxLength)), map.Length);
    }

    public string Path => map.Path;

    /// <summary>The tensors, by name.</summary>
    public IReadOnlyDictionary<string, SafeTensorsEntry> Entries { get; }

    /// <exception cref="CheckpointException">The file cannot be opened, or its header is not well-formed.</exception>
    public static SafeTensorsFile Open(string path)
    {
        CheckpointFolder.CheckFile(path);
        MappedFile map = MappedFile.Open(path, SafeTensorsHeader.PrefixLength, "a header length");
        try
        {
            return new SafeTensorsFile(map);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>Elements of the map. They need not be aligned to their size: old files place tensors at any byte.</summary>
    public ReadOnlySpan<T> Span<T>(long offset, int count) where T : unmanaged =>
        new(map.Address(offset, (long)count * sizeof(T)), count);

    /// <summary>Where so many bytes of the file are.</summary>
    public byte* Address(long offset, long bytes) => map.Address(offset, bytes);

    /// <summary>
    /// Asks the operating system to read bytes that will be needed soon, and some of what follows them, which mostly is next.
    /// </summary>
    public void ReadAhead(long offset, long bytes) => map.ReadAhead(offset, Math.Min(bytes + (64 << 20), map.Length - offset));

    public void Dispose() => map.Dispose();
}
