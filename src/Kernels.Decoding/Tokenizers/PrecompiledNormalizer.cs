using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Kernels.Decoding;

/// <summary>
/// The character map of a SentencePiece model: a double array that finds UTF-8 prefixes, and the texts that replace them. Every
/// index of it is checked, since it comes from a file.
/// </summary>
internal sealed class PrecompiledNormalizer : TextNormalizer
{
    // Longer clusters are looked up character by character.
    private const int MaxClusterBytes = 6;

    private readonly uint[] units;
    private readonly byte[] texts;

    /// <exception cref="FormatException">The map is cut off.</exception>
    public PrecompiledNormalizer(ReadOnlySpan<byte> map)
    {
        if (map.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(map) is var size && (size % 4 != 0 || size > map.Length - 4))
        {
            throw new FormatException("the map of characters (precompiled_charsmap) is cut off");
        }

        units = new uint[size / 4];
        for (int i = 0; i < units.Length; i++)
        {
            units[i] = BinaryPrimitives.ReadUInt32LittleEndian(map[(4 + 4 * i)..]);
        }

        texts = map[(4 + (int)size)..].ToArray();
    }

    public override string Apply(string text)
    {
        var result = new StringBuilder(text.Length);
        Span<byte> bytes = stackalloc byte[4 * MaxClusterBytes];
        for (int at = 0; at < text.Length;)
        {
            // Zero-width joiners and marks can make clusters as long as the text: one that does not fit is not asked for whole.
            int window = Math.Min(text.Length - at, 2 * MaxClusterBytes);
            int length = StringInfo.GetNextTextElementLength(text.AsSpan(at, window));
            ReadOnlySpan<char> cluster = text.AsSpan(at, length);
            if (length < MaxClusterBytes && Encoding.UTF8.GetByteCount(cluster) < MaxClusterBytes
                && Find(bytes[..Encoding.UTF8.GetBytes(cluster, bytes)]) is { } whole)
            {
                result.Append(whole);
            }
            else
            {
                foreach (Rune rune in cluster.EnumerateRunes())
                {
                    result.Append(Find(bytes[..rune.EncodeToUtf8(bytes)]) ?? rune.ToString());
                }
            }

            at += length;
        }

        return result.ToString();
    }

    /// <summary>The text that replaces the shortest prefix of these bytes that the map has.</summary>
    private string? Find(ReadOnlySpan<byte> key)
    {
        long node = 0;
        if (units.Length == 0)
        {
            return null;
        }

        node ^= Offset(units[0]);
        foreach (byte value in key)
        {
            node ^= value;
            if (value == 0 || node >= units.Length || Label(units[node]) != value)
            {
                return null;
            }

            uint unit = units[node];
            node ^= Offset(unit);
            if ((unit >> 8 & 1) != 0)
            {
                return node < units.Length && (units[node] & 0x7FFFFFFF) is var start && start <= texts.Length ? TextAt((int)start) : null;
            }
        }

        return null;
    }

    private string TextAt(int start)
    {
        ReadOnlySpan<byte> rest = texts.AsSpan(start);
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static uint Label(uint unit) => unit & 0x800000FF;

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & 0x200) >> 6);
}
