using System.Globalization;
using System.Text;

namespace Kernels.OpenCL;

/// <summary>Shows a program's source in messages.</summary>
internal static class SourceText
{
    /// <summary>A binary: by its lines where it is text, as NVIDIA's is, else by its size.</summary>
    public static string OfBinary(ReadOnlySpan<byte> binary) =>
        binary.TrimEnd((byte)0).ContainsAnyExceptInRange((byte)'\t', (byte)'~')
            ? $"({binary.Length} bytes of binary)"
            : Number(binary.TrimEnd((byte)0));

    /// <summary>Each line with its number, as compilers count them.</summary>
    public static string Number(ReadOnlySpan<byte> source)
    {
        string[] lines = Encoding.UTF8.GetString(source).ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        int width = lines.Length.ToString(CultureInfo.InvariantCulture).Length;
        StringBuilder text = new();
        for (int i = 0; i < lines.Length; i++)
        {
            text.Append((i + 1).ToString(CultureInfo.InvariantCulture).PadLeft(width)).Append(" | ").Append(lines[i]).Append('\n');
        }

        return text.ToString();
    }
}
