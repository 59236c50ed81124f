using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Kernels.OpenCL;

/// <summary>What makes two builds the same: the SHA-256 of the code, the options and the compiler.</summary>
internal readonly record struct ProgramKey(UInt128 High, UInt128 Low)
{
    public const int Bytes = 32;

    public static ProgramKey Of(ProgramForm form, ReadOnlySpan<byte> code, string options, DeviceCapabilities device)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, [(byte)form]);
        Append(hash, code);
        foreach (string text in
            (ReadOnlySpan<string>)[options, device.Name, device.PlatformName, device.PlatformVersion, device.DriverVersion])
        {
            Append(hash, Encoding.UTF8.GetBytes(text));
        }

        Span<byte> digest = stackalloc byte[Bytes];
        hash.GetHashAndReset(digest);
        return new(BinaryPrimitives.ReadUInt128BigEndian(digest), BinaryPrimitives.ReadUInt128BigEndian(digest[16..]));
    }

    public void CopyTo(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt128BigEndian(target, High);
        BinaryPrimitives.WriteUInt128BigEndian(target[16..], Low);
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    // The length keeps the parts apart: "ab" + "c" is not "a" + "bc".
    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, part.Length);
        hash.AppendData(length);
        hash.AppendData(part);
    }
}
