using System.Runtime.InteropServices;
using Kernels.OpenCL;

namespace Kernels.Mods.Tests.Harness;

/// <summary>The device that translated mods run on. A machine without one skips the tests.</summary>
public sealed partial class ModDevice : IDisposable
{
    private readonly ComputeDevice? device;
    private readonly string reason = "";

    public ModDevice()
    {
        // PoCL's handler steps over divisions that fault, those of the whole process: C# would no longer throw, and a kernel that
        // faults would pass.
        if (OperatingSystem.IsLinux())
        {
            SetEnvironmentVariable("POCL_SIGFPE_HANDLER", "0", 1);
        }

        try
        {
            device = ComputeDevice.Open(options: new() { Tuning = TuningMode.Off, ProgramCache = new() { UseDisk = false } });
        }
        catch (NoDeviceException e)
        {
            reason = e.Message;
        }
    }

    public ComputeDevice Device
    {
        get
        {
            Skip.If(device is null, reason);
            return device!;
        }
    }

    public void Dispose() => device?.Dispose();

    // Environment.SetEnvironmentVariable changes .NET's copy only.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);
}
