using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// The printable characters that byte-level BPE writes bytes as: printable Latin-1 stands for itself, and the other bytes
/// follow from U+0100 on in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] CharOf = MakeAlphabet();
    private static readonly Dictionary<char, byte> ByteOf = CharOf.Index().ToDictionary(p => p.Item, p => (byte)p.Index);

    /// <summary>The bytes that a token stands for; its own UTF-8 bytes where a character of it is not of the alphabet.</summary>
    public static byte[] ToBytes(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            if (!ByteOf.TryGetValue(token[i], out bytes[i]))
            {
                return Encoding.UTF8.GetBytes(token);
            }
        }

        return bytes;
    }

    /// <summary>The characters that stand for the UTF-8 bytes of a text.</summary>
    public static string FromText(ReadOnlySpan<char> text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        Span<byte> bytes = length <= 256 ? stackalloc byte[length] : new byte[length];
        Encoding.UTF8.GetBytes(text, bytes);
        return FromBytes(bytes);
    }

    /// <summary>The characters that stand for these bytes.</summary>
    public static string FromBytes(ReadOnlySpan<byte> bytes)
    {
        var chars = new char[bytes.Length];
        for (int i = 0; i < chars.Length; i++)
        {
            chars[i] = CharOf[bytes[i]];
        }

        return new string(chars);
    }

    private static char[] MakeAlphabet()
    {
        var alphabet = new char[256];
        int next = 256;
        for (int value = 0; value < alphabet.Length; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            alphabet[value] = (char)(printable ? value : next++);
        }

        return alphabet;
    }
}
