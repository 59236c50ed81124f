using System.Runtime.CompilerServices;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// An opened OpenCL device: its memory, its default queue and its programs. Thread-safe. Disposing it waits for its queues and releases
/// everything made from it, in whatever order those things are disposed themselves.
/// </summary>
public sealed class ComputeDevice : IDisposable
{
    private readonly ContextHandle context;
    private readonly HashSet<ComputeQueue> queues = [];
    private readonly Lazy<string> sm90Refusal;
    private int disposed;
    private int lost;

    private ComputeDevice(DeviceInfo info, ContextHandle context, ComputeDeviceOptions options)
    {
        Info = info;
        this.context = context;
        Resources = new();
        Budget = new(info.Capabilities);
        Programs = new(this, options.ProgramCache);
        Tuning = new(this, options.Tuning);
        Numbers = options.CheckNumbers ? new(this) : null;
        Queue = CreateQueue(options.Profiling);
        sm90Refusal = new(() => Sm90Assembly.Refusal(this));
    }

    /// <summary>Where the device was found.</summary>
    public DeviceInfo Info { get; }

    /// <summary>What the device is and can do.</summary>
    public DeviceCapabilities Capabilities => Info.Capabilities;

    /// <summary>The default queue; it lives as long as the device.</summary>
    public ComputeQueue Queue { get; }

    /// <summary>The programs built for this device.</summary>
    public ProgramCache Programs { get; }

    /// <summary>Whether the device stopped answering; every call then throws <see cref="DeviceLostException"/>.</summary>
    public bool IsLost => Volatile.Read(ref lost) != 0;

    /// <summary>Bytes of device memory held by live buffers of this object.</summary>
    public long AllocatedBytes => Budget.AllocatedBytes;

    /// <summary>The tiles that were chosen for this device.</summary>
    internal TileTuning Tuning { get; }

    /// <summary>What looks for NaN and infinities; null where nobody asked for it.</summary>
    internal NumberCheck? Numbers { get; }

    /// <summary>
    /// Why the driver does not assemble Hopper's own instructions, empty where it does; the first question builds a program.
    /// </summary>
    internal string Sm90Refusal => sm90Refusal.Value;

    internal bool IsDisposed => Volatile.Read(ref disposed) != 0;

    internal ContextHandle Context => context;

    internal ResourceRegistry Resources { get; }

    internal MemoryBudget Budget { get; }

    /// <summary>
    /// The devices of all platforms, in a stable order. A platform that fails or has no device is passed over; the list is empty where the
    /// machine has no OpenCL loader or driver.
    /// </summary>
    public static IReadOnlyList<DeviceInfo> Enumerate() => DeviceEnumerator.Enumerate();

    /// <summary>Opens the device that is asked for.</summary>
    /// <param name="selector">
    /// What to open; by default what the variable KERNELS_DEVICE asks for, else <see cref="DeviceSelector.Automatic"/>.
    /// </param>
    /// <param name="options">How; by default with the program cache, without profiling.</param>
    /// <exception cref="NoDeviceException">The machine has no OpenCL device.</exception>
    /// <exception cref="DeviceSelectionException">None of the devices is what is asked for.</exception>
    /// <exception cref="ComputeException">The driver refused.</exception>
    public static ComputeDevice Open(DeviceSelector? selector = null, ComputeDeviceOptions? options = null)
    {
        IReadOnlyList<DeviceInfo> devices = Enumerate();
        if (devices.Count == 0)
        {
            throw new NoDeviceException(NoDeviceMessage.ForThisMachine(OpenClLibrary.IsPresent));
        }

        return Open((selector ?? DeviceSelector.FromEnvironment()).Select(devices), options);
    }

    /// <summary>Opens a device.</summary>
    /// <param name="info">One that <see cref="Enumerate"/> gave.</param>
    /// <param name="options">How; by default with the program cache, without profiling.</param>
    /// <exception cref="ComputeException">The driver refused.</exception>
    public static ComputeDevice Open(DeviceInfo info, ComputeDeviceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        int code = ClApi.CreateContext(info.PlatformId, info.DeviceId, out nint handle);
        if (code != ClStatus.Success)
        {
            throw ComputeErrors.Create(code, "opening the device", info);
        }

        ContextHandle context = new(handle);
        try
        {
            return new(info, context, options ?? new());
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Allocates device memory; its content is undefined.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="length">Elements; 0 is allowed and gives a buffer that can be a kernel's argument.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="length"/> is negative, or too large for bytes to be counted.
    /// </exception>
    /// <exception cref="DeviceOutOfMemoryException">The device has not that much memory left, or allows no buffer of that size.</exception>
    public DeviceBuffer<T> Allocate<T>(long length)
        where T : unmanaged
    {
        ThrowIfUnusable();
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, long.MaxValue / Unsafe.SizeOf<T>());
        DeviceMemory memory = DeviceMemory.Allocate(this, Math.Max(length, 1) * Unsafe.SizeOf<T>());
        Resources.Add(memory);
        return new(this, memory, length);
    }

    /// <summary>Allocates device memory and fills it; blocks until the data is on the device.</summary>
    /// <typeparam name="T">The element's type.</typeparam>
    /// <param name="data">What to fill it with.</param>
    /// <exception cref="DeviceOutOfMemoryException">The device has not that much memory left, or allows no buffer of that size.</exception>
    public DeviceBuffer<T> Upload<T>(ReadOnlySpan<T> data)
        where T : unmanaged
    {
        DeviceBuffer<T> buffer = Allocate<T>(data.Length);
        try
        {
            Queue.Write(buffer, data);
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes another queue. Commands of one queue run in order; commands of two queues have no order unless the host waits.
    /// </summary>
    /// <param name="profiling">Whether its events have times.</param>
    public ComputeQueue CreateQueue(bool profiling = false)
    {
        ThrowIfUnusable();
        using HandleScope scope = new(context);
        Check(ClApi.CreateQueue(scope.Value, Info.DeviceId, profiling, out nint handle), "making a queue");
        ComputeQueue queue = new(this, new(handle), profiling);
        lock (queues)
        {
            queues.Add(queue);
        }

        if (IsDisposed)
        {
            queue.Dispose();
            throw new ObjectDisposedException(nameof(ComputeDevice));
        }

        return queue;
    }

    /// <summary>Waits for the queues and releases everything made from this device.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }

        ComputeQueue[] live;
        lock (queues)
        {
            live = [.. queues];
        }

        foreach (ComputeQueue queue in live)
        {
            queue.Dispose();
        }

        Programs.Close();
        Resources.Close();
        context.Dispose();
    }

    /// <summary>The device's place and name.</summary>
    public override string ToString() => Info.ToString();

    internal void Forget(ComputeQueue queue)
    {
        lock (queues)
        {
            queues.Remove(queue);
        }
    }

    internal void ThrowIfUnusable()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (IsLost)
        {
            throw ComputeErrors.Lost(ClStatus.DeviceNotAvailable, "using the device", Info);
        }
    }

    /// <summary>Throws the right exception for a code other than success.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Check(int code, string operation)
    {
        if (code != ClStatus.Success)
        {
            throw Failure(code, operation);
        }
    }

    internal ComputeException Failure(int code, string operation)
    {
        ComputeException failure = ComputeErrors.Create(code, operation, Info, Budget);
        if (failure is DeviceLostException)
        {
            Volatile.Write(ref lost, 1);
        }

        return failure;
    }
}
