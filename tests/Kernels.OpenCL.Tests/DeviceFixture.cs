namespace Kernels.OpenCL.Tests;

/// <summary>
/// A device for the tests of a class, with a program cache of its own that starts empty. A machine without a device skips the tests.
/// </summary>
public sealed class DeviceFixture : IDisposable
{
    private readonly ComputeDevice? device;
    private readonly string reason = string.Empty;

    public DeviceFixture()
    {
        try
        {
            device = Open(CacheFolder.Path);
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

    internal TemporaryFolder CacheFolder { get; } = new();

    /// <summary>Another object for the same device; skips the test where there is none.</summary>
    public static ComputeDevice OpenAnother()
    {
        try
        {
            return Open(null);
        }
        catch (NoDeviceException e)
        {
            throw new SkipException(e.Message);
        }
    }

    public void Dispose()
    {
        device?.Dispose();
        CacheFolder.Dispose();
    }

    internal static ComputeDevice Open(string? cacheFolder) => ComputeDevice.Open(options: new()
    {
        Profiling = true,
        Tuning = TuningMode.Off,
        ProgramCache = cacheFolder is null ? new() { UseDisk = false } : new() { UseDisk = true, Directory = cacheFolder },
    });

    internal ComputeKernel Kernel(string name)
    {
        using ComputeProgram program = Device.Programs.GetOrBuild(Sources.Basics);
        return program.CreateKernel(name);
    }
}
