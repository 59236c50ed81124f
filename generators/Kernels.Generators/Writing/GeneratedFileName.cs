using System.Globalization;
using System.Text;

namespace Kernels.Generators.Writing;

/// <summary>Names of emitted files. A project can have them written to disk, so that a file system must take them.</summary>
internal static class GeneratedFileName
{
    /// <summary>
    /// Bytes in UTF-8. A file system takes 255 a name; Windows takes some 260 letters a path, of which the build's folders have 150.
    /// </summary>
    private const int MaxBytes = 80;

    // Windows keeps these names for devices, whatever follows a dot.
    private static readonly HashSet<string> Devices = new(
        ["con", "prn", "aux", "nul", .. Enumerable.Range(0, 10).SelectMany(i => new[] { $"com{i}", $"lpt{i}" })],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>The stem of a type's files, from its full name: that, or its end and a hash.</summary>
    public static string Of(string fullName)
    {
        bool isDevice = Devices.Contains(fullName.Split('.', '+')[0]);
        int start = 0;
        for (int bytes = Encoding.UTF8.GetByteCount(fullName); bytes > MaxBytes; start++)
        {
            // Identifiers have no letters that take two chars.
            bytes -= Encoding.UTF8.GetByteCount(fullName.Substring(start, 1));
        }

        return isDevice || start > 0 ? WithHash(fullName, start) : fullName;
    }

    /// <summary>A stem with a hash (FNV-1a) of it, so that it does not depend on what other names there are.</summary>
    public static string WithHash(string name, int start = 0)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in name)
        {
            hash = unchecked((hash ^ c) * 1099511628211);
        }

        return $"{(start > 0 ? "_" : "")}{name.Substring(start).TrimStart('.', '+')}-{hash.ToString("x16", CultureInfo.InvariantCulture)}";
    }
}
