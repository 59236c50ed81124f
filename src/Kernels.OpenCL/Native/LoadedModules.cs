using System.Globalization;

namespace Kernels.OpenCL.Native;

/// <summary>The modules that a Linux process has loaded.</summary>
internal static class LoadedModules
{
    /// <summary>Each with where it begins; none where the process may not read its own map.</summary>
    public static Dictionary<nint, ModuleInfo> Find()
    {
        Dictionary<nint, ModuleInfo> modules = [];
        HashSet<string> seen = [];
        try
        {
            // "7f0123456000-7f0123458000 r--p 00000000 08:01 1234 /usr/lib/libc.so.6". Mapped files that are no modules fall out below.
            foreach (string line in File.ReadLines("/proc/self/maps"))
            {
                int path = line.IndexOf('/', StringComparison.Ordinal), end = line.IndexOf('-', StringComparison.Ordinal);
                if (path >= 0
                    && seen.Add(line[path..])
                    && nint.TryParse(line.AsSpan(0, end), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out nint address)
                    && LibC.TryFindModule(address, out ModuleInfo module))
                {
                    modules[module.Start] = module;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }

        return modules;
    }
}
