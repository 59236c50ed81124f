using System.Runtime.InteropServices;
using Silk.NET.Core.Contexts;
using Silk.NET.OpenCL;

namespace Kernels.OpenCL.Native;

/// <summary>Finds the OpenCL loader of this machine, once.</summary>
internal static class OpenClLibrary
{
    private static readonly Lazy<CL?> Loaded = new(static () => Load(CandidateNames()), LazyThreadSafetyMode.ExecutionAndPublication);

    /// <summary>Whether the machine has an OpenCL loader at all.</summary>
    public static bool IsPresent => Loaded.Value is not null;

    /// <summary>The bindings; only to be asked for where <see cref="IsPresent"/> is true or a handle exists already.</summary>
    public static CL Api => Loaded.Value ?? throw new DllNotFoundException("No OpenCL loader was found on this machine.");

    /// <summary>The bindings over the first library that can be loaded, or null.</summary>
    // Silk.NET's own search throws when nothing is found, and walks dependency files that an AOT program lacks.
    internal static CL? Load(ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out nint library))
            {
                PrepareEnvironment();
                return new CL(new LamdaNativeContext(
                    symbol => NativeLibrary.TryGetExport(library, symbol, out nint address) ? address : 0));
            }
        }

        return null;
    }

    private static string[] CandidateNames()
    {
        if (OperatingSystem.IsWindows())
        {
            return ["OpenCL.dll"];
        }

        if (OperatingSystem.IsMacOS())
        {
            return ["/System/Library/Frameworks/OpenCL.framework/OpenCL"];
        }

        // The versioned name first: the plain one comes with development packages only.
        return ["libOpenCL.so.1", "libOpenCL.so"];
    }

    private static void PrepareEnvironment()
    {
        if (OperatingSystem.IsLinux())
        {
            // Worker threads pinned to cores halve PoCL's sub-millisecond launches; .NET's own setter is not seen by native code.
            _ = LibC.SetEnvironmentVariable("POCL_AFFINITY", "1", overwrite: 0);

            // These signals are the runtime's and the host's: see SignalHandlers.
            _ = LibC.SetEnvironmentVariable("POCL_SIGFPE_HANDLER", "0", overwrite: 0);
            _ = LibC.SetEnvironmentVariable("POCL_SIGUSR2_HANDLER", "0", overwrite: 0);
        }
    }
}
