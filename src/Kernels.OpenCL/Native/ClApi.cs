using System.Text;
using Silk.NET.OpenCL;
using SilkDeviceInfo = Silk.NET.OpenCL.DeviceInfo;

namespace Kernels.OpenCL.Native;

/// <summary>
/// The OpenCL calls that the runtime makes, over plain handles. A method that returns an <see cref="int"/> returns OpenCL's
/// code, for its caller to check; nothing here throws on a failed call.
/// </summary>
internal static unsafe class ClApi
{
    private const int CommandComplete = 0;

    private static CL Api => OpenClLibrary.Api;

    // ---- platforms and devices

    public static int GetPlatforms(out nint[] platforms)
    {
        platforms = [];
        uint count = 0;
        int code = Api.GetPlatformIDs(0, null, &count);
        if (code != ClStatus.Success || count == 0)
        {
            return code;
        }

        platforms = new nint[count];
        fixed (nint* ids = platforms)
        {
            return Api.GetPlatformIDs(count, ids, null);
        }
    }

    public static int GetDevices(nint platform, out nint[] devices)
    {
        devices = [];
        uint count = 0;
        int code = Api.GetDeviceIDs(platform, DeviceType.All, 0, null, &count);
        if (code != ClStatus.Success || count == 0)
        {
            return code;
        }

        devices = new nint[count];
        fixed (nint* ids = devices)
        {
            return Api.GetDeviceIDs(platform, DeviceType.All, count, ids, null);
        }
    }

    public static int GetPlatformString(nint platform, PlatformProperty property, out string text)
    {
        text = string.Empty;
        nuint size = 0;
        int code = Api.GetPlatformInfo(platform, (PlatformInfo)property, 0, null, &size);
        if (code != ClStatus.Success)
        {
            return code;
        }

        byte[] bytes = new byte[size];
        fixed (byte* p = bytes)
        {
            code = Api.GetPlatformInfo(platform, (PlatformInfo)property, size, p, null);
        }

        text = ToText(bytes);
        return code;
    }

    public static int GetDeviceString(nint device, DeviceProperty property, out string text)
    {
        text = string.Empty;
        nuint size = 0;
        int code = Api.GetDeviceInfo(device, (SilkDeviceInfo)property, 0, null, &size);
        if (code != ClStatus.Success)
        {
            return code;
        }

        byte[] bytes = new byte[size];
        fixed (byte* p = bytes)
        {
            code = Api.GetDeviceInfo(device, (SilkDeviceInfo)property, size, p, null);
        }

        text = ToText(bytes);
        return code;
    }

    public static int GetDeviceValue<T>(nint device, DeviceProperty property, out T value)
        where T : unmanaged
    {
        T result = default;
        int code = Api.GetDeviceInfo(device, (SilkDeviceInfo)property, (nuint)sizeof(T), &result, null);
        value = result;
        return code;
    }

    public static int GetDeviceSizes(nint device, DeviceProperty property, out nuint[] values)
    {
        values = [];
        nuint size = 0;
        int code = Api.GetDeviceInfo(device, (SilkDeviceInfo)property, 0, null, &size);
        if (code != ClStatus.Success)
        {
            return code;
        }

        values = new nuint[size / (nuint)sizeof(nuint)];
        fixed (nuint* p = values)
        {
            return Api.GetDeviceInfo(device, (SilkDeviceInfo)property, size, p, null);
        }
    }

    public static int GetDeviceKind(nint device, out DeviceKind kind)
    {
        int code = GetDeviceValue(device, DeviceProperty.Type, out ulong bits);
        kind = ((DeviceType)bits & DeviceType.Gpu) != 0 ? DeviceKind.Gpu
            : ((DeviceType)bits & DeviceType.Accelerator) != 0 ? DeviceKind.Accelerator
            : ((DeviceType)bits & DeviceType.Cpu) != 0 ? DeviceKind.Cpu
            : DeviceKind.Other;
        return code;
    }

    public static bool IsDedicatedLocalMemory(uint localMemoryType) => localMemoryType == (uint)DeviceLocalMemType.Local;

    // ---- contexts and queues

    public static int CreateContext(nint platform, nint device, out nint context)
    {
        nint* properties = stackalloc nint[] { (nint)ContextProperties.Platform, platform, 0 };
        int code;
        context = ((delegate* unmanaged[Cdecl]<nint*, uint, nint*, void*, void*, int*, nint>)CallbackCalls.CreateContext)(
            properties, 1, &device, null, null, &code);
        SignalHandlers.PutBack();
        return code;
    }

    public static int ReleaseContext(nint context) => Api.ReleaseContext(context);

    public static int CreateQueue(nint context, nint device, bool profiling, out nint queue)
    {
        int code;
        queue = Api.CreateCommandQueue(
            context, device, profiling ? CommandQueueProperties.ProfilingEnable : CommandQueueProperties.None, &code);
        return code;
    }

    public static int ReleaseQueue(nint queue) => Api.ReleaseCommandQueue(queue);

    public static int Flush(nint queue) => Api.Flush(queue);

    public static int Finish(nint queue) => Api.Finish(queue);

    // ---- memory

    public static int CreateBuffer(nint context, nuint bytes, out nint memory)
    {
        int code;
        memory = Api.CreateBuffer(context, MemFlags.ReadWrite, bytes, null, &code);
        return code;
    }

    public static int ReleaseMemory(nint memory) => Api.ReleaseMemObject(memory);

    /// <summary>Where the host sees a buffer whose content does not matter yet; blocks.</summary>
    public static int MapForOverwriting(nint queue, nint memory, nuint bytes, out void* address)
    {
        int code;
        address = Api.EnqueueMapBuffer(queue, memory, true, MapFlags.WriteInvalidateRegion, 0, bytes, 0, null, null, &code);
        return code;
    }

    public static int Unmap(nint queue, nint memory, void* address) => Api.EnqueueUnmapMemObject(queue, memory, address, 0, null, null);

    public static int Write(nint queue, nint memory, bool blocking, nuint offset, nuint bytes, void* source, nint* completion) =>
        Api.EnqueueWriteBuffer(queue, memory, blocking, offset, bytes, source, 0, null, completion);

    public static int Read(nint queue, nint memory, bool blocking, nuint offset, nuint bytes, void* target, nint* completion) =>
        Api.EnqueueReadBuffer(queue, memory, blocking, offset, bytes, target, 0, null, completion);

    public static int Copy(nint queue, nint source, nint target, nuint sourceOffset, nuint targetOffset, nuint bytes, nint* completion) =>
        Api.EnqueueCopyBuffer(queue, source, target, sourceOffset, targetOffset, bytes, 0, null, completion);

    public static int Fill(nint queue, nint memory, void* pattern, nuint patternBytes, nuint offset, nuint bytes, nint* completion) =>
        Api.EnqueueFillBuffer(queue, memory, pattern, patternBytes, offset, bytes, 0, null, completion);

    public static int Marker(nint queue, nint* completion) => Api.EnqueueMarkerWithWaitList(queue, 0, null, completion);

    // ---- programs

    public static int CreateProgramFromSource(nint context, ReadOnlySpan<byte> source, out nint program)
    {
        int code;
        fixed (byte* text = source)
        {
            byte* start = text;
            nuint length = (nuint)source.Length;
            program = Api.CreateProgramWithSource(context, 1, &start, &length, &code);
        }

        return code;
    }

    public static int CreateProgramFromBinary(nint context, nint device, ReadOnlySpan<byte> binary, out nint program)
    {
        int code;
        int status = ClStatus.Success;
        fixed (byte* bytes = binary)
        {
            byte* start = bytes;
            nuint length = (nuint)binary.Length;
            program = Api.CreateProgramWithBinary(context, 1, &device, &length, &start, &status, &code);
        }

        return code != ClStatus.Success ? code : status;
    }

    public static int Build(nint program, nint device, string options)
    {
        SignalHandlers.Watch();
        int code;
        fixed (byte* text = ToCString(options))
        {
            code = ((delegate* unmanaged[Cdecl]<nint, uint, nint*, byte*, void*, void*, int>)CallbackCalls.BuildProgram)(
                program, 1, &device, text, null, null);
        }

        SignalHandlers.PutBack();
        return code;
    }

    public static string GetBuildLog(nint program, nint device)
    {
        nuint size = 0;
        if (Api.GetProgramBuildInfo(program, device, ProgramBuildInfo.BuildLog, 0, null, &size) != ClStatus.Success || size == 0)
        {
            return string.Empty;
        }

        byte[] bytes = new byte[size];
        fixed (byte* p = bytes)
        {
            return Api.GetProgramBuildInfo(program, device, ProgramBuildInfo.BuildLog, size, p, null) == ClStatus.Success
                ? ToText(bytes)
                : string.Empty;
        }
    }

    public static int GetKernelNames(nint program, out string names)
    {
        names = string.Empty;
        nuint size = 0;
        int code = Api.GetProgramInfo(program, ProgramInfo.KernelNames, 0, null, &size);
        if (code != ClStatus.Success)
        {
            return code;
        }

        byte[] bytes = new byte[size];
        fixed (byte* p = bytes)
        {
            code = Api.GetProgramInfo(program, ProgramInfo.KernelNames, size, p, null);
        }

        names = ToText(bytes);
        return code;
    }

    public static int GetBinary(nint program, out byte[] binary)
    {
        binary = [];
        nuint size = 0;
        int code = Api.GetProgramInfo(program, ProgramInfo.BinarySizes, (nuint)sizeof(nuint), &size, null);
        if (code != ClStatus.Success || size == 0)
        {
            return code;
        }

        binary = new byte[size];
        fixed (byte* p = binary)
        {
            byte* target = p;
            return Api.GetProgramInfo(program, ProgramInfo.Binaries, (nuint)sizeof(byte*), &target, null);
        }
    }

    public static int ReleaseProgram(nint program) => Api.ReleaseProgram(program);

    // ---- kernels

    public static int CreateKernel(nint program, string name, out nint kernel)
    {
        int code;
        fixed (byte* text = ToCString(name))
        {
            kernel = Api.CreateKernel(program, text, &code);
        }

        return code;
    }

    public static int ReleaseKernel(nint kernel) => Api.ReleaseKernel(kernel);

    public static int GetArgumentCount(nint kernel, out int count)
    {
        uint value = 0;
        int code = Api.GetKernelInfo(kernel, KernelInfo.NumArgs, sizeof(uint), &value, null);
        count = (int)value;
        return code;
    }

    public static int GetKernelValue<T>(nint kernel, nint device, KernelProperty property, out T value)
        where T : unmanaged
    {
        T result = default;
        int code = Api.GetKernelWorkGroupInfo(kernel, device, (KernelWorkGroupInfo)property, (nuint)sizeof(T), &result, null);
        value = result;
        return code;
    }

    public static int SetArgument(nint kernel, int index, nuint bytes, void* value) => Api.SetKernelArg(kernel, (uint)index, bytes, value);

    public static int Launch(nint queue, nint kernel, uint dimensions, nuint* global, nuint* local, nint* completion) =>
        Api.EnqueueNdrangeKernel(queue, kernel, dimensions, null, global, local, 0, null, completion);

    // ---- events

    public static int RetainEvent(nint handle) => Api.RetainEvent(handle);

    public static int ReleaseEvent(nint handle) => Api.ReleaseEvent(handle);

    public static int WaitForEvent(nint handle) => Api.WaitForEvents(1, &handle);

    /// <summary>
    /// The execution status: 0 is complete, a positive number is a stage before that, a negative number is the error that ended the
    /// command.
    /// </summary>
    public static int GetEventStatus(nint handle, out int status)
    {
        int value = 0;
        int code = Api.GetEventInfo(handle, EventInfo.CommandExecutionStatus, sizeof(int), &value, null);
        status = value;
        return code;
    }

    public static int GetEventTimes(nint handle, out ulong queued, out ulong submitted, out ulong started, out ulong ended)
    {
        ulong q = 0, s = 0, b = 0, e = 0;
        int code = Api.GetEventProfilingInfo(handle, ProfilingInfo.Queued, sizeof(ulong), &q, null);
        code = code != ClStatus.Success ? code : Api.GetEventProfilingInfo(handle, ProfilingInfo.Submit, sizeof(ulong), &s, null);
        code = code != ClStatus.Success ? code : Api.GetEventProfilingInfo(handle, ProfilingInfo.Start, sizeof(ulong), &b, null);
        code = code != ClStatus.Success ? code : Api.GetEventProfilingInfo(handle, ProfilingInfo.End, sizeof(ulong), &e, null);
        (queued, submitted, started, ended) = (q, s, b, e);
        return code;
    }

    /// <summary>Calls <paramref name="callback"/>(event, status, state) on a thread of the driver's when the command has ended.</summary>
    public static int SetCompletionCallback(nint handle, delegate* unmanaged[Cdecl]<nint, int, void*, void> callback, void* state) =>
        ((delegate* unmanaged[Cdecl]<nint, int, void*, void*, int>)CallbackCalls.SetEventCallback)(
            handle, CommandComplete, callback, state);

    /// <summary>
    /// Addresses of the functions that take a callback. Silk.NET's methods take it as a delegate, which they keep alive in a list that
    /// is not safe to use from several threads, even where there is none; a function pointer needs no keeping.
    /// </summary>
    private static class CallbackCalls
    {
        public static readonly nint CreateContext = Api.Context.GetProcAddress("clCreateContext");
        public static readonly nint BuildProgram = Api.Context.GetProcAddress("clBuildProgram");
        public static readonly nint SetEventCallback = Api.Context.GetProcAddress("clSetEventCallback");
    }

    private static byte[] ToCString(string text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    private static string ToText(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }
}
