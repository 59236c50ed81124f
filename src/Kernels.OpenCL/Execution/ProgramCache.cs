using System.Collections.Concurrent;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// Builds a device's programs, each once: kept in memory until the device is disposed, and as binaries on disk between processes.
/// Thread-safe; different programs build in parallel.
/// </summary>
public sealed class ProgramCache
{
    private static readonly string[] ForbiddenOptions = ["-cl-finite-math-only", "-cl-fast-relaxed-math", "-cl-unsafe-math-optimizations"];

    private const string PoclPlatform = "Portable Computing Language";

    private readonly ComputeDevice device;
    private readonly ProgramBinaryStore? store;
    private readonly bool keepsBinaries;
    private readonly ConcurrentDictionary<ProgramKey, Lazy<CompiledProgram>> programs = new();
    private int compilations;

    internal ProgramCache(ComputeDevice device, ProgramCacheOptions options)
    {
        this.device = device;
        keepsBinaries = options.UseDisk ?? device.Capabilities.PlatformName != PoclPlatform;
        store = options.UseDisk != false && options.Directory.Length != 0
            ? new(Path.GetFullPath(options.Directory), options.MaxDiskBytes)
            : null;
    }

    /// <summary>
    /// Programs that were compiled from source since the device was opened; programs found in memory or on disk do not count.
    /// </summary>
    public int Compilations => Volatile.Read(ref compilations);

    /// <summary>A program, built now if it was not before. The caller may dispose it; the cache keeps what was built.</summary>
    /// <param name="source">OpenCL C, in UTF-8.</param>
    /// <param name="options">
    /// Options of the OpenCL compiler; "-cl-std=CL1.2" is added where no version is named. Options that let the compiler assume that there
    /// are no infinities are refused, since masks are made of them.
    /// </param>
    /// <param name="name">What to call the program in messages.</param>
    /// <remarks>
    /// Kernels may divide integers by zero, as OpenCL allows them to, with any result. On PoCL on x86-64 Linux the processor raises SIGFPE
    /// there; the first program that is built by this method or by <see cref="GetOrLoad"/> therefore puts a handler before the runtime's
    /// own, which skips divisions in native libraries that cannot be done, kernels among them, and leaves all else to the runtime: in C#,
    /// <see cref="DivideByZeroException"/> stays what it is. No other signal is touched, ever.
    /// </remarks>
    /// <exception cref="ProgramBuildException">The compiler refused the program. The next call tries again.</exception>
    /// <exception cref="ArgumentException">The source is empty, or an option is refused.</exception>
    public ComputeProgram GetOrBuild(ReadOnlySpan<byte> source, string options = "", string? name = null)
    {
        TolerateDivisions();
        return GetOrBuildOwn(source, options, name);
    }

    /// <summary>
    /// A program made from a binary, such as one of <see cref="ComputeProgram.GetBinary"/> that was changed; kept in memory only.
    /// </summary>
    /// <param name="binary">A binary of this device's driver.</param>
    /// <param name="options">Options of the driver for binaries; nothing is added to them.</param>
    /// <param name="name">What to call the program in messages.</param>
    /// <exception cref="ProgramBuildException">The driver refused the binary. The next call tries again.</exception>
    /// <exception cref="ArgumentException">The binary is empty.</exception>
    public ComputeProgram GetOrLoad(ReadOnlySpan<byte> binary, string options = "", string? name = null)
    {
        TolerateDivisions();
        return GetOrLoadOwn(binary, options, name);
    }

    /// <summary>As <see cref="GetOrBuild"/>, on another thread: compilers take from tenths of a second to minutes.</summary>
    /// <param name="source">OpenCL C, in UTF-8; not to be changed until the task has ended.</param>
    /// <param name="options">Options of the OpenCL compiler.</param>
    /// <param name="name">What to call the program in messages.</param>
    /// <param name="cancellationToken">Ends the wait only: a build under way goes on and is kept.</param>
    /// <exception cref="ProgramBuildException">The compiler refused the program.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public Task<ComputeProgram> BuildAsync(
        ReadOnlyMemory<byte> source, string options = "", string? name = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => GetOrBuild(source.Span, options, name), cancellationToken).WaitAsync(cancellationToken);

    /// <summary>As <see cref="GetOrBuild"/>, for programs of which it is known that they never divide an integer by zero.</summary>
    internal ComputeProgram GetOrBuildOwn(ReadOnlySpan<byte> source, string options = "", string? name = null) =>
        GetOrAdd(ProgramForm.Source, source, Complete(options), name);

    /// <summary>As <see cref="GetOrLoad"/>, for programs of which it is known that they never divide an integer by zero.</summary>
    internal ComputeProgram GetOrLoadOwn(ReadOnlySpan<byte> binary, string options = "", string? name = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return GetOrAdd(ProgramForm.Binary, binary, options, name);
    }

    /// <summary>
    /// What was noted on disk under a key, or null: as with programs, a file that is not what it should be is as good as none.
    /// </summary>
    internal byte[]? Note(ProgramKey key) => store?.TryLoad(key);

    /// <summary>Notes something on disk, where programs are kept there.</summary>
    internal void SaveNote(ProgramKey key, ReadOnlySpan<byte> note) => store?.Save(key, note);

    internal void Close() => programs.Clear();

    private ComputeProgram GetOrAdd(ProgramForm form, ReadOnlySpan<byte> code, string options, string? name)
    {
        device.ThrowIfUnusable();
        if (code.IsEmpty)
        {
            throw new ArgumentException("A program of no bytes cannot be built.", form == ProgramForm.Source ? "source" : "binary");
        }

        ProgramKey key = ProgramKey.Of(form, code, options, device.Capabilities);
        if (!programs.TryGetValue(key, out Lazy<CompiledProgram>? entry))
        {
            byte[] copy = code.ToArray();
            string title = name ?? "program " + key.ToString()[..12];
            entry = programs.GetOrAdd(key, new Lazy<CompiledProgram>(
                () => form == ProgramForm.Source ? Build(key, copy, options, title) : Load(copy, options, title),
                LazyThreadSafetyMode.ExecutionAndPublication));
        }

        try
        {
            return new(entry.Value);
        }
        catch
        {
            // A failure is not kept: memory may be free the next time, or the driver mended.
            programs.TryRemove(new(key, entry));
            throw;
        }
    }

    private void TolerateDivisions()
    {
        if (device.Capabilities.PlatformName == PoclPlatform)
        {
            DivisionFaults.Tolerate();
        }
    }

    private static string Complete(string options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] words = options.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(words, word => ForbiddenOptions.Contains(word, StringComparer.Ordinal)) is { } forbidden)
        {
            throw new ArgumentException(
                $"{forbidden} lets the compiler assume that there are no infinities; attention masks are made of them.", nameof(options));
        }

        return Array.Exists(words, word => word.StartsWith("-cl-std=", StringComparison.Ordinal))
            ? options.Trim()
            : ("-cl-std=CL1.2 " + options.Trim()).TrimEnd();
    }

    private CompiledProgram Build(ProgramKey key, byte[] source, string options, string name)
    {
        if (keepsBinaries && store?.TryLoad(key) is { } binary)
        {
            try
            {
                return Finish(CreateFromBinary(binary, options, name), options, name, string.Empty, fromDisk: true);
            }
            catch (ComputeException) when (!device.IsLost)
            {
                // Sound by its checksum, but not to this driver.
                store.Delete(key);
            }
        }

        Interlocked.Increment(ref compilations);
        CompiledProgram compiled = Finish(CreateFromSource(source), options, name, SourceText.Number(source), fromDisk: false);
        if (keepsBinaries && store is not null && Binary(compiled.Handle) is { Length: > 0 } built)
        {
            store.Save(key, built);
        }

        return compiled;
    }

    private CompiledProgram Load(byte[] binary, string options, string name) =>
        Finish(CreateFromBinary(binary, options, name), options, name, SourceText.OfBinary(binary), fromDisk: false);

    private ProgramHandle CreateFromSource(byte[] source)
    {
        using HandleScope context = new(device.Context);
        device.Check(ClApi.CreateProgramFromSource(context.Value, source, out nint handle), "making a program");
        return new(handle);
    }

    private ProgramHandle CreateFromBinary(byte[] binary, string options, string name)
    {
        using HandleScope context = new(device.Context);
        int code = ClApi.CreateProgramFromBinary(context.Value, device.Info.DeviceId, binary, out nint handle);
        if (code == ClStatus.Success)
        {
            return new(handle);
        }

        if (handle != 0)
        {
            _ = ClApi.ReleaseProgram(handle);
        }

        throw BuildFailure(code, options, name, string.Empty, SourceText.OfBinary(binary));
    }

    /// <summary>Builds and describes a program; takes over its handle.</summary>
    private CompiledProgram Finish(ProgramHandle program, string options, string name, string listing, bool fromDisk)
    {
        try
        {
            CompiledProgram compiled = BuildAndDescribe(program, options, name, listing, fromDisk);
            device.Resources.Add(program);
            return compiled;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    private CompiledProgram BuildAndDescribe(ProgramHandle program, string options, string name, string listing, bool fromDisk)
    {
        using HandleScope scope = new(program);
        int code = ClApi.Build(scope.Value, device.Info.DeviceId, options);
        string log = ClApi.GetBuildLog(scope.Value, device.Info.DeviceId);
        if (code != ClStatus.Success)
        {
            throw BuildFailure(code, options, name, log, listing);
        }

        device.Check(ClApi.GetKernelNames(scope.Value, out string names), $"listing the kernels of {name}");
        return new(
            device, program, name, log, names.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), fromDisk);
    }

    private ComputeException BuildFailure(int code, string options, string name, string log, string listing)
    {
        ComputeException failure = device.Failure(code, $"building {name}");
        return failure is DeviceLostException or DeviceOutOfMemoryException
            ? failure
            : new ProgramBuildException(name, device.ToString(), options, log, listing, code);
    }

    private static byte[] Binary(ProgramHandle program)
    {
        using HandleScope scope = new(program);
        return ClApi.GetBinary(scope.Value, out byte[] binary) == ClStatus.Success ? binary : [];
    }
}
