using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// A program built for a device. The built code belongs to the device's <see cref="ProgramCache"/> and is shared: disposing this object
/// ends this use of it only, and kernels made from it go on working. Thread-safe.
/// </summary>
public sealed class ComputeProgram : IDisposable
{
    private readonly CompiledProgram compiled;
    private bool disposed;

    internal ComputeProgram(CompiledProgram compiled) => this.compiled = compiled;

    /// <summary>What the caller that built it named it.</summary>
    public string Name => compiled.Name;

    /// <summary>What the compiler wrote; warnings may be in it.</summary>
    public string BuildLog => compiled.BuildLog;

    /// <summary>The kernel functions of the program, in the driver's order.</summary>
    public IReadOnlyList<string> KernelNames => compiled.KernelNames;

    /// <summary>Whether it was made from a binary on disk rather than compiled.</summary>
    public bool FromDiskCache => compiled.FromDiskCache;

    /// <summary>Makes a kernel object, with arguments of its own.</summary>
    /// <param name="name">One of <see cref="KernelNames"/>.</param>
    /// <exception cref="ArgumentException">The program has no such kernel.</exception>
    /// <exception cref="ObjectDisposedException">The program or its device is disposed.</exception>
    public ComputeKernel CreateKernel(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        ObjectDisposedException.ThrowIf(disposed, this);
        ComputeDevice device = compiled.Device;
        device.ThrowIfUnusable();
        if (!KernelNames.Contains(name, StringComparer.Ordinal))
        {
            throw new ArgumentException(
                $"Program {Name} has no kernel \"{name}\"; its kernels: {string.Join(", ", KernelNames)}.", nameof(name));
        }

        KernelHandle kernel;
        using (HandleScope program = new(compiled.Handle))
        {
            device.Check(ClApi.CreateKernel(program.Value, name, out nint handle), $"making kernel {name}");
            kernel = new(handle);
        }

        device.Resources.Add(kernel);
        try
        {
            return new(device, kernel, name);
        }
        catch
        {
            device.Resources.Release(kernel);
            throw;
        }
    }

    /// <summary>
    /// The program as the driver keeps it: on NVIDIA's platform PTX text, elsewhere a form of the driver's own. For
    /// <see cref="ProgramCache.GetOrLoad"/>.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The program or its device is disposed.</exception>
    public byte[] GetBinary()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        compiled.Device.ThrowIfUnusable();
        using HandleScope program = new(compiled.Handle);
        compiled.Device.Check(ClApi.GetBinary(program.Value, out byte[] binary), "reading a program's binary");
        return binary;
    }

    /// <summary>Ends this use of the program.</summary>
    public void Dispose() => disposed = true;
}
