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

    private readonly ComputeDevice device;
    private readonly ProgramBinaryStore? store;
    private readonly ConcurrentDictionary<ProgramKey, Lazy<CompiledProgram>> programs = new();
    private int compilations;

    internal ProgramCache(ComputeDevice device, ProgramCacheOptions options)
    {
        this.device = device;
        store = options.UseDisk && options.Directory.Length != 0 ? new(Path.GetFullPath(options.Directory), options.MaxDiskBytes) : null;
    }

    /// <summary>Programs that were compiled from source since the device was opened; programs found in memory or on disk do not count.</summary>
    public int Compilations => Volatile.Read(ref compilations);

    /// <summary>A program, built now if it was not before. The caller may dispose it; the cache keeps what was built.</summary>
    /// <param name="source">OpenCL C, in UTF-8.</param>
    /// <param name="options">
    /// Options of the OpenCL compiler; "-cl-std=CL1.2" is added where no version is named. Options that let the compiler assume that there
    /// are no infinities are refused, since masks are made of them.
    /// </param>
    /// <param name="name">What to call the program in messages.</param>
    /// <exception cref="ProgramBuildException">The compiler refused the program. The next call tries again.</exception>
    /// <exception cref="ArgumentException">The source is empty, or an option is refused.</exception>
    public ComputeProgram GetOrBuild(ReadOnlySpan<byte> source, string options = "", string? name = null)
    {
        device.ThrowIfUnusable();
        if (source.IsEmpty)
        {
            throw new ArgumentException("A program needs a source.", nameof(source));
        }

        string allOptions = Complete(options);
        ProgramKey key = ProgramKey.Of(source, allOptions, device.Capabilities);
        if (!programs.TryGetValue(key, out Lazy<CompiledProgram>? entry))
        {
            byte[] copy = source.ToArray();
            string title = name ?? "program " + key.ToString()[..12];
            entry = programs.GetOrAdd(key, new Lazy<CompiledProgram>(() => Build(key, copy, allOptions, title), LazyThreadSafetyMode.ExecutionAndPublication));
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

    /// <summary>As <see cref="GetOrBuild"/>, on another thread: compilers take from tenths of a second to minutes.</summary>
    /// <param name="source">OpenCL C, in UTF-8; not to be changed until the task has ended.</param>
    /// <param name="options">Options of the OpenCL compiler.</param>
    /// <param name="name">What to call the program in messages.</param>
    /// <param name="cancellationToken">Ends the wait only: a build under way goes on and is kept.</param>
    /// <exception cref="ProgramBuildException">The compiler refused the program.</exception>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public Task<ComputeProgram> BuildAsync(ReadOnlyMemory<byte> source, string options = "", string? name = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => GetOrBuild(source.Span, options, name), cancellationToken).WaitAsync(cancellationToken);

    internal void Close() => programs.Clear();

    private static string Complete(string options)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] words = options.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (Array.Find(words, word => ForbiddenOptions.Contains(word, StringComparer.Ordinal)) is { } forbidden)
        {
            throw new ArgumentException($"{forbidden} lets the compiler assume that there are no infinities; attention masks are made of them.", nameof(options));
        }

        return Array.Exists(words, word => word.StartsWith("-cl-std=", StringComparison.Ordinal)) ? options.Trim() : ("-cl-std=CL1.2 " + options.Trim()).TrimEnd();
    }

    private CompiledProgram Build(ProgramKey key, byte[] source, string options, string name)
    {
        if (store?.TryLoad(key) is { } binary)
        {
            if (TryBuildBinary(binary, options, name) is { } loaded)
            {
                return loaded;
            }

            store.Delete(key);
        }

        Interlocked.Increment(ref compilations);
        ProgramHandle program = CreateFromSource(source);
        try
        {
            CompiledProgram compiled = Finish(program, options, name, source, fromDisk: false)!;
            if (store is not null && Binary(program) is { Length: > 0 } built)
            {
                store.Save(key, built);
            }

            device.Resources.Add(program);
            return compiled;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    private ProgramHandle CreateFromSource(byte[] source)
    {
        using HandleScope context = new(device.Context);
        device.Check(ClApi.CreateProgramFromSource(context.Value, source, out nint handle), "making a program");
        return new(handle);
    }

    private CompiledProgram? TryBuildBinary(byte[] binary, string options, string name)
    {
        nint handle;
        using (HandleScope context = new(device.Context))
        {
            if (ClApi.CreateProgramFromBinary(context.Value, device.Info.DeviceId, binary, out handle) != ClStatus.Success)
            {
                if (handle != 0)
                {
                    _ = ClApi.ReleaseProgram(handle);
                }

                return null;
            }
        }

        ProgramHandle program = new(handle);
        if (Finish(program, options, name, source: null, fromDisk: true) is { } compiled)
        {
            device.Resources.Add(program);
            return compiled;
        }

        program.Dispose();
        return null;
    }

    /// <summary>Builds and describes; a failure throws where there is a source to show, and gives null where there is a binary to do without.</summary>
    private CompiledProgram? Finish(ProgramHandle program, string options, string name, byte[]? source, bool fromDisk)
    {
        using HandleScope scope = new(program);
        int code = ClApi.Build(scope.Value, device.Info.DeviceId, options);
        string log = ClApi.GetBuildLog(scope.Value, device.Info.DeviceId);
        string names = string.Empty;
        if (code == ClStatus.Success)
        {
            code = ClApi.GetKernelNames(scope.Value, out names);
        }

        if (code == ClStatus.Success)
        {
            return new(device, program, name, log, names.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), fromDisk);
        }

        if (source is null)
        {
            return null;
        }

        throw code is ClStatus.BuildProgramFailure or ClStatus.CompileProgramFailure or ClStatus.LinkProgramFailure
            or ClStatus.InvalidBuildOptions or ClStatus.CompilerNotAvailable or ClStatus.OutOfResources
            ? new ProgramBuildException(name, device.ToString(), options, log, SourceText.Number(source), code)
            : device.Failure(code, $"building {name}");
    }

    private static byte[] Binary(ProgramHandle program)
    {
        using HandleScope scope = new(program);
        return ClApi.GetBinary(scope.Value, out byte[] binary) == ClStatus.Success ? binary : [];
    }
}
