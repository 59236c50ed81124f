using System.Runtime.InteropServices;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL;

/// <summary>
/// A kernel of a program, with its arguments. NOT thread-safe: arguments are the kernel's state until it is launched, so use one kernel
/// object per thread (<see cref="ComputeProgram.CreateKernel"/> is cheap) or a lock around setting and launching. A launch takes the
/// arguments as they are then; they may be set anew right after it.
/// </summary>
public sealed unsafe class ComputeKernel : IDisposable
{
    private readonly KernelHandle kernel;
    private readonly ComputeDevice device;
    private readonly Argument[] arguments;
    private readonly NDRange requiredLocal;
    private int unset;
    private long localArgumentBytes;

    internal ComputeKernel(ComputeDevice device, KernelHandle kernel, string name)
    {
        this.device = device;
        this.kernel = kernel;
        Name = name;

        using HandleScope scope = new(kernel);
        nint id = device.Info.DeviceId;
        device.Check(ClApi.GetArgumentCount(scope.Value, out int count), "reading a kernel's arguments");
        device.Check(ClApi.GetKernelValue(scope.Value, id, KernelProperty.WorkGroupSize, out nuint limit), "reading a kernel's limits");
        device.Check(
            ClApi.GetKernelValue(scope.Value, id, KernelProperty.CompileWorkGroupSize, out Sizes required),
            "reading a kernel's limits");
        device.Check(ClApi.GetKernelValue(scope.Value, id, KernelProperty.LocalMemorySize, out ulong local), "reading a kernel's limits");
        device.Check(
            ClApi.GetKernelValue(scope.Value, id, KernelProperty.PrivateMemorySize, out ulong @private),
            "reading a kernel's limits");
        arguments = new Argument[count];
        unset = count;
        requiredLocal = new(required.X, required.Y, required.Z);
        WorkGroupLimit = Limit(scope.Value, (int)Math.Min(limit, int.MaxValue));
        LocalBytes = (long)local;
        PrivateBytes = (long)@private;
    }

    /// <summary>Releases a kernel that nobody disposed.</summary>
    ~ComputeKernel() => device.Resources.Release(kernel);

    private enum ArgumentKind
    {
        Unset,
        Buffer,
        Null,
        Local,
        Value4,
        Value8,
    }

    /// <summary>The kernel function's name.</summary>
    public string Name { get; }

    /// <summary>Arguments that the kernel function takes.</summary>
    public int ArgumentCount => arguments.Length;

    /// <summary>The most work-items of this kernel in one work-group on its device.</summary>
    public int WorkGroupLimit { get; }

    /// <summary>Bytes of local memory that the kernel declares itself; <c>local</c> arguments come on top.</summary>
    public long LocalBytes { get; }

    /// <summary>Bytes of private memory of one work-item, as far as the driver tells: on GPUs, what did not fit registers.</summary>
    public long PrivateBytes { get; }

    /// <summary>Whether the kernel, or its device, is disposed.</summary>
    public bool IsDisposed => kernel.IsClosed;

    /// <summary>Whether it was launched at least once.</summary>
    internal bool HasRun { get; set; }

    internal nint Handle => kernel.DangerousGetHandle();

    /// <summary>Sets a <c>global</c> or <c>constant</c> pointer. The buffer must not be disposed before the launch.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="buffer">A buffer of the kernel's device.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The buffer is another device's, or the argument is no pointer.</exception>
    public ComputeKernel Set(int index, DeviceBuffer buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ref Argument argument = ref At(index);
        buffer.ThrowIfUnusableOn(device, nameof(buffer));
        if (argument.Kind == ArgumentKind.Buffer && ReferenceEquals(argument.Buffer, buffer))
        {
            return this;
        }

        using HandleScope memory = new(buffer.Memory);
        nint value = memory.Value;
        SetNative(index, (nuint)sizeof(nint), &value);
        Store(ref argument, ArgumentKind.Buffer, 0, buffer);
        return this;
    }

    /// <summary>Sets an <c>int</c>.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="value">The value.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The argument does not take 4 bytes.</exception>
    public ComputeKernel Set(int index, int value) => SetValue(index, ArgumentKind.Value4, (uint)value);

    /// <summary>Sets a <c>uint</c>.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="value">The value.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The argument does not take 4 bytes.</exception>
    public ComputeKernel Set(int index, uint value) => SetValue(index, ArgumentKind.Value4, value);

    /// <summary>Sets a <c>float</c>.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="value">The value.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The argument does not take 4 bytes.</exception>
    public ComputeKernel Set(int index, float value) => SetValue(index, ArgumentKind.Value4, BitConverter.SingleToUInt32Bits(value));

    /// <summary>Sets a <c>long</c>.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="value">The value.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The argument does not take 8 bytes.</exception>
    public ComputeKernel Set(int index, long value) => SetValue(index, ArgumentKind.Value8, (ulong)value);

    /// <summary>Sets a <c>ulong</c>.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="value">The value.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The argument does not take 8 bytes.</exception>
    public ComputeKernel Set(int index, ulong value) => SetValue(index, ArgumentKind.Value8, value);

    /// <summary>Sets a pointer to null.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The kernel has no such argument.</exception>
    /// <exception cref="ArgumentException">The argument is no pointer.</exception>
    public ComputeKernel SetNull(int index)
    {
        ref Argument argument = ref At(index);
        if (argument.Kind != ArgumentKind.Null)
        {
            nint value = 0;
            SetNative(index, (nuint)sizeof(nint), &value);
            Store(ref argument, ArgumentKind.Null, 0, null);
        }

        return this;
    }

    /// <summary>Gives a <c>local</c> pointer its memory.</summary>
    /// <param name="index">The argument's place, from 0.</param>
    /// <param name="bytes">Bytes for each work-group.</param>
    /// <returns>The kernel, for the next argument.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The kernel has no such argument, or <paramref name="bytes"/> is not positive.
    /// </exception>
    /// <exception cref="DeviceLimitException">
    /// The kernel's <c>local</c> arguments together are larger than the device's local memory.
    /// </exception>
    public ComputeKernel SetLocal(int index, int bytes)
    {
        ref Argument argument = ref At(index);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        if (argument.Kind == ArgumentKind.Local && argument.Bits == (ulong)bytes)
        {
            return this;
        }

        long total = localArgumentBytes + bytes - (argument.Kind == ArgumentKind.Local ? (long)argument.Bits : 0);
        if (total > device.Capabilities.LocalMemoryBytes)
        {
            throw new DeviceLimitException(
                $"Kernel {Name} would take {total} bytes of local memory in its arguments; "
                + $"{device} has {device.Capabilities.LocalMemoryBytes}.",
                ClStatus.OutOfResources);
        }

        SetNative(index, (nuint)bytes, null);
        Store(ref argument, ArgumentKind.Local, (ulong)bytes, null);
        return this;
    }

    /// <summary>Releases the kernel; launches enqueued before still run.</summary>
    public void Dispose()
    {
        Array.Clear(arguments);
        unset = arguments.Length;
        device.Resources.Release(kernel);
        GC.SuppressFinalize(this);
    }

    /// <summary>Everything that can be known to be wrong before the launch.</summary>
    internal void CheckLaunch(ComputeDevice queueDevice, NDRange global, NDRange local)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if (!ReferenceEquals(queueDevice, device))
        {
            throw new ArgumentException($"Kernel {Name} was built for {device}, and the queue belongs to {queueDevice}.", "kernel");
        }

        if (unset != 0)
        {
            int first = Array.FindIndex(arguments, static argument => argument.Kind == ArgumentKind.Unset);
            throw new InvalidOperationException($"Argument {first} of kernel {Name} was never set.");
        }

        if (local.X == 0 || local.Y == 0 || local.Z == 0 || global.X == 0 || global.Y == 0 || global.Z == 0)
        {
            throw new ArgumentException(
                $"Kernel {Name} cannot run over {global} in work-groups of {local}: every number must be at least 1.", nameof(global));
        }

        if (global.X % local.X != 0 || global.Y % local.Y != 0 || global.Z % local.Z != 0)
        {
            throw new ArgumentException(
                $"Kernel {Name} cannot run over {global} in work-groups of {local}: the whole must be a multiple of the work-group.",
                nameof(global));
        }

        if (requiredLocal.X != 0 && requiredLocal != local)
        {
            throw new ArgumentException($"Kernel {Name} was compiled for work-groups of {requiredLocal}, not of {local}.", nameof(local));
        }

        if (global.Excess(local, device.Capabilities.AddressBits) is { } excess)
        {
            throw new DeviceLimitException(
                $"Kernel {Name} cannot run over {global} in work-groups of {local} on {device}: {excess}.", ClStatus.InvalidGlobalWorkSize);
        }

        CheckDimension(local.X, 0);
        CheckDimension(local.Y, 1);
        CheckDimension(local.Z, 2);
        UInt128 items = (UInt128)local.X * local.Y * local.Z;
        if (items > (uint)WorkGroupLimit)
        {
            throw new DeviceLimitException(
                $"Work-groups of {local} have {items} work-items; "
                + $"kernel {Name} allows {WorkGroupLimit} on {device} (the device itself {device.Capabilities.MaxWorkGroupSize}).",
                ClStatus.InvalidWorkGroupSize);
        }
    }

    /// <summary>What a launch that the driver refused is thrown as.</summary>
    internal ComputeException LaunchFailure(int code, NDRange global, NDRange local)
    {
        string launch = $"running kernel {Name} over {global} in work-groups of {local}";
        return code is ClStatus.InvalidWorkGroupSize or ClStatus.InvalidWorkItemSize or ClStatus.InvalidGlobalWorkSize
            ? new DeviceLimitException(
                $"The driver refused {launch}: {ClStatus.NameOf(code)} ({code}); the kernel allows {WorkGroupLimit} work-items "
                + $"and takes {LocalBytes} bytes of local memory, {device} has {device.Capabilities.LocalMemoryBytes}.",
                code)
            : device.Failure(code, launch);
    }

    /// <summary>Keeps the kernel and its buffers from being freed by other threads until <see cref="Release"/>.</summary>
    /// <exception cref="ObjectDisposedException">One of the buffers is disposed; nothing is kept then.</exception>
    internal void Acquire()
    {
        bool held = false;
        kernel.DangerousAddRef(ref held);
        int acquired = 0;
        try
        {
            for (; acquired < arguments.Length; acquired++)
            {
                if (arguments[acquired].Buffer is { } buffer)
                {
                    ObjectDisposedException.ThrowIf(buffer.IsDisposed, buffer);
                    bool bufferHeld = false;
                    buffer.Memory.DangerousAddRef(ref bufferHeld);
                }
            }
        }
        catch
        {
            ReleaseFirst(acquired);
            kernel.DangerousRelease();
            throw;
        }
    }

    internal void Release()
    {
        ReleaseFirst(arguments.Length);
        kernel.DangerousRelease();
    }

    private void ReleaseFirst(int count)
    {
        for (int i = 0; i < count; i++)
        {
            arguments[i].Buffer?.Memory.DangerousRelease();
        }
    }

    // Mesa's rusticl answers with the preferred multiple instead (32 for llvmpipe) and runs larger work-groups all the same, those that a
    // kernel requires included; its own refusal, if it comes to one, is told as a limit too.
    private int Limit(nint handle, int reported)
    {
        bool misreports = device.Capabilities.PlatformName == "rusticl"
            && ClApi.GetKernelValue(
                handle, device.Info.DeviceId, KernelProperty.PreferredWorkGroupSizeMultiple, out nuint multiple) == ClStatus.Success
            && (int)multiple == reported;
        if (misreports)
        {
            return device.Capabilities.MaxWorkGroupSize;
        }

        // NVIDIA's driver counts the registers that work-items have at the start and rounds down; what a kernel was built for, it runs.
        return device.Capabilities.NvidiaComputeCapability > 0
            ? Math.Max(reported, (int)(requiredLocal.X * requiredLocal.Y * requiredLocal.Z))
            : reported;
    }

    private void CheckDimension(nuint size, int dimension)
    {
        int limit = dimension < device.Capabilities.MaxWorkItemSizes.Length ? device.Capabilities.MaxWorkItemSizes[dimension] : 1;
        if (size > (nuint)limit)
        {
            throw new DeviceLimitException(
                $"Kernel {Name} was given {size} work-items along dimension {dimension} of a work-group; {device} allows {limit}.",
                ClStatus.InvalidWorkItemSize);
        }
    }

    private ComputeKernel SetValue(int index, ArgumentKind kind, ulong bits)
    {
        ref Argument argument = ref At(index);
        if (argument.Kind == kind && argument.Bits == bits)
        {
            return this;
        }

        if (kind == ArgumentKind.Value4)
        {
            uint value = (uint)bits;
            SetNative(index, sizeof(uint), &value);
        }
        else
        {
            SetNative(index, sizeof(ulong), &bits);
        }

        Store(ref argument, kind, bits, null);
        return this;
    }

    private ref Argument At(int index)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        if ((uint)index >= (uint)arguments.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(index), index, $"Kernel {Name} has {arguments.Length} arguments, numbered from 0.");
        }

        return ref arguments[index];
    }

    private void SetNative(int index, nuint bytes, void* value)
    {
        int code;
        using (HandleScope scope = new(kernel))
        {
            code = ClApi.SetArgument(scope.Value, index, bytes, value);
        }

        if (code == ClStatus.Success)
        {
            return;
        }

        ComputeException failure = device.Failure(code, $"setting argument {index} of kernel {Name}");
        throw code is ClStatus.InvalidArgumentSize or ClStatus.InvalidArgumentValue
            ? new ArgumentException(
                $"Argument {index} of kernel {Name} is of another type than the "
                + $"{(value is null ? "local memory" : $"{bytes} bytes")} it was given.",
                nameof(index), failure)
            : failure;
    }

    private void Store(ref Argument argument, ArgumentKind kind, ulong bits, DeviceBuffer? buffer)
    {
        if (argument.Kind == ArgumentKind.Unset)
        {
            unset--;
        }
        else if (argument.Kind == ArgumentKind.Local)
        {
            localArgumentBytes -= (long)argument.Bits;
        }

        if (kind == ArgumentKind.Local)
        {
            localArgumentBytes += (long)bits;
        }

        argument = new() { Kind = kind, Bits = bits, Buffer = buffer };
    }

    private struct Argument
    {
        public ArgumentKind Kind;
        public ulong Bits;
        public DeviceBuffer? Buffer;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Sizes
    {
        public readonly nuint X;
        public readonly nuint Y;
        public readonly nuint Z;
    }
}
