using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kernels.OpenCL;

/// <summary>
/// Program binaries on disk, one file a program. Never in the way: a file that cannot be read, or is not what it should be, is as good as
/// none, and a folder that cannot be written keeps nothing. Thread-safe, and safe against other processes.
/// </summary>
internal sealed class ProgramBinaryStore(string directory, long maxBytes)
{
    private const string Extension = ".clbin";
    private const int ChecksumBytes = 32;
    private const int HeaderBytes = 8 + ProgramKey.Bytes + sizeof(long) + ChecksumBytes;

    private static ReadOnlySpan<byte> Magic => "KOCLBIN1"u8;

    /// <summary>The binary of a program, or null.</summary>
    public byte[]? TryLoad(ProgramKey key)
    {
        string path = PathOf(key);
        try
        {
            byte[] file = File.ReadAllBytes(path);
            byte[]? binary = Unwrap(key, file);
            if (binary is not null)
            {
                // The time of last use, which trimming goes by: file systems seldom keep one themselves.
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            }

            return binary;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a binary; a reader sees the whole file or none.</summary>
    public void Save(ProgramKey key, ReadOnlySpan<byte> binary)
    {
        if (binary.Length + HeaderBytes > maxBytes)
        {
            return;
        }

        string? temporary = null;
        try
        {
            Directory.CreateDirectory(directory);
            temporary = Path.Combine(directory, $"{Guid.NewGuid():N}.tmp");
            File.WriteAllBytes(temporary, Wrap(key, binary));
            File.Move(temporary, PathOf(key), overwrite: true);
            Trim(PathOf(key));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
        }
    }

    /// <summary>Forgets a binary that the driver would not take.</summary>
    public void Delete(ProgramKey key) => TryDelete(PathOf(key));

    internal string PathOf(ProgramKey key) => Path.Combine(directory, key + Extension);

    private static byte[] Wrap(ProgramKey key, ReadOnlySpan<byte> binary)
    {
        byte[] file = new byte[HeaderBytes + binary.Length];
        Span<byte> rest = file;
        Magic.CopyTo(rest);
        rest = rest[Magic.Length..];
        key.CopyTo(rest);
        rest = rest[ProgramKey.Bytes..];
        BinaryPrimitives.WriteInt64LittleEndian(rest, binary.Length);
        rest = rest[sizeof(long)..];
        SHA256.HashData(binary, rest);
        binary.CopyTo(rest[ChecksumBytes..]);
        return file;
    }

    private static byte[]? Unwrap(ProgramKey key, ReadOnlySpan<byte> file)
    {
        if (file.Length <= HeaderBytes || !file.StartsWith(Magic))
        {
            return null;
        }

        Span<byte> expectedKey = stackalloc byte[ProgramKey.Bytes];
        key.CopyTo(expectedKey);
        ReadOnlySpan<byte> rest = file[Magic.Length..];
        if (!rest.StartsWith(expectedKey))
        {
            return null;
        }

        rest = rest[ProgramKey.Bytes..];
        long length = BinaryPrimitives.ReadInt64LittleEndian(rest);
        ReadOnlySpan<byte> checksum = rest.Slice(sizeof(long), ChecksumBytes);
        ReadOnlySpan<byte> binary = file[HeaderBytes..];
        return length == binary.Length && checksum.SequenceEqual(SHA256.HashData(binary)) ? binary.ToArray() : null;
    }

    private void Trim(string keep)
    {
        DirectoryInfo folder = new(directory);
        DateTime abandoned = DateTime.UtcNow - TimeSpan.FromHours(1);
        foreach (FileInfo temporary in folder.EnumerateFiles("*.tmp").Where(file => file.LastWriteTimeUtc < abandoned))
        {
            TryDelete(temporary.FullName);
        }

        FileInfo[] files = [.. folder.EnumerateFiles("*" + Extension).OrderBy(file => file.LastWriteTimeUtc)];
        long total = files.Sum(file => file.Length);
        foreach (FileInfo file in files)
        {
            if (total <= maxBytes)
            {
                break;
            }

            if (file.FullName != keep)
            {
                total -= file.Length;
                TryDelete(file.FullName);
            }
        }
    }

    private static void TryDelete(string? path)
    {
        try
        {
            if (path is not null)
            {
                File.Delete(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Someone else's file, or in use: it stays.
        }
    }
}
