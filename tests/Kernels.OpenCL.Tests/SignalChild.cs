using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Kernels.OpenCL.Native;

namespace Kernels.OpenCL.Tests;

/// <summary>What <see cref="SignalTests"/> looks at from outside: a process that uses a device, and its signals.</summary>
internal static unsafe partial class SignalChild
{
    public const int NoDevice = 3;

    private const int LastSignal = 64, Items = 64;

    /// <summary>Divides by what it is given; a program of its own for each process, so that no driver has it in a cache.</summary>
    private static readonly byte[] Division = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""
        kernel void divide(global const int* a, global const int* b, global int* quotients, global int* remainders)
        {
            int i = get_global_id(0);
            quotients[i] = a[i] / b[i];
            remainders[i] = a[i] % b[i];
        }

        kernel void number(global int* b) { b[0] = {{Environment.ProcessId}} + {{DateTime.UtcNow.Ticks & 0xFFFFFF}}; }
        """));

    public static int Run(string[] arguments)
    {
        try
        {
            return arguments switch
            {
                ["exceptions"] => Exceptions(),
                ["actions"] => Actions(isOwn: true, watches: true),
                ["actions-of-division"] => Actions(isOwn: false, watches: true),
                ["actions-put-back"] => ActionsPutBack(),
                ["handlers"] => Handlers(),
                ["wait"] => Wait(usesDevice: true),
                ["wait-without-device"] => Wait(usesDevice: false),
                _ => 2,
            };
        }
        catch (Exception e) when (e is NoDeviceException or DeviceSelectionException)
        {
            Console.WriteLine(e.Message);
            return NoDevice;
        }
    }

    /// <summary>Catches exceptions at every stage of a device's use, beside builds and launches on another thread.</summary>
    private static int Exceptions()
    {
        Throw(50);
        using ComputeDevice device = ComputeDevice.Open(options: new() { ProgramCache = new() { UseDisk = false } });
        Throw(200);
        ThrowDuring(() => LaunchNumber(device, isOwn: true));
        ThrowDuring(() => Divide(device));
        Throw(200);
        Divide(device);
        Throw(200);
        Console.WriteLine("caught");
        return 0;
    }

    /// <summary>Compares the actions of all signals, and looks at them the whole time meanwhile.</summary>
    private static int Actions(bool isOwn, bool watches)
    {
        // .NET installs some of its handlers when they are first asked for.
        Console.CancelKeyPress += static (_, _) => { };
        Console.WriteLine("signals:");
        SignalAction[] before = AllActions();
        Action use = () =>
        {
            using ComputeDevice device = ComputeDevice.Open(options: new() { ProgramCache = new() { UseDisk = false } });
            LaunchNumber(device, isOwn);
            LaunchNumber(device, isOwn, "-DANOTHER");
        };
        SortedSet<string> changed = [];
        Task used = watches ? Task.Run(use) : Task.CompletedTask;
        if (!watches)
        {
            use();
        }

        do
        {
            SignalAction[] now = AllActions();
            for (int signal = 1; signal <= LastSignal; signal++)
            {
                if (!IsSame(before[signal], now[signal]))
                {
                    bool hasModule = LibC.TryFindModule(now[signal].Handler, out ModuleInfo module);
                    changed.Add(
                        string.Create(
                            CultureInfo.InvariantCulture, $"{signal} {(hasModule ? Path.GetFileName(module.Path) : "no module")}"));
                }
            }
        }
        while (!used.IsCompleted);

        used.GetAwaiter().GetResult();
        Console.WriteLine(string.Join(", ", changed));
        return 0;
    }

    /// <summary>As where LLVM does not show the function by which it is kept from installing handlers.</summary>
    private static int ActionsPutBack()
    {
        SignalHandlers.Disarms = false;
        return Actions(isOwn: true, watches: false);
    }

    /// <summary>Registers handlers at every stage, then tells of each signal that comes; the fourth ends the process.</summary>
    private static int Handlers()
    {
        using SemaphoreSlim ended = new(0);
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            Console.WriteLine("interrupt");
        };
        using ComputeDevice device = ComputeDevice.Open(options: new() { ProgramCache = new() { UseDisk = false } });
        using PosixSignalRegistration hangup = Tell(PosixSignal.SIGHUP, "hangup");
        LaunchNumber(device, isOwn: true);
        Divide(device);
        using PosixSignalRegistration user = Tell((PosixSignal)SignalTests.Sigusr1, "user");
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            Console.WriteLine("terminate");
            ended.Release();
        });
        Console.WriteLine("ready");
        return ended.Wait(TimeSpan.FromMinutes(1)) ? 0 : 1;
    }

    /// <summary>Has no handler but one for its end.</summary>
    private static int Wait(bool usesDevice)
    {
        AppDomain.CurrentDomain.ProcessExit += static (_, _) => Console.WriteLine("exit");
        using ComputeDevice? device = usesDevice ? ComputeDevice.Open(options: new() { ProgramCache = new() { UseDisk = false } }) : null;
        if (device is not null)
        {
            LaunchNumber(device, isOwn: true);
        }

        Console.WriteLine("ready");
        Thread.Sleep(TimeSpan.FromMinutes(1));
        return 1;
    }

    private static PosixSignalRegistration Tell(PosixSignal signal, string word) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        Console.WriteLine(word);
    });

    private static void ThrowDuring(Action action)
    {
        Task task = Task.Run(action);
        do
        {
            Throw(20);
        }
        while (!task.IsCompleted);

        task.GetAwaiter().GetResult();
    }

    private static void Throw(int count)
    {
        int caught = 0;
        for (int i = 0; i < count; i++)
        {
            ThrowOne(i, ref caught);
        }

        Parallel.For(0, count, i => ThrowOne(i, ref caught));
        if (caught != 2 * count)
        {
            throw new InvalidOperationException($"{caught} of {2 * count} exceptions were caught.");
        }
    }

    private static void ThrowOne(int i, ref int caught)
    {
        try
        {
            _ = (i & 1) == 0 ? Quotient(i, 0) : Length(null);
        }
        catch (Exception e) when (e is DivideByZeroException or NullReferenceException)
        {
            Interlocked.Increment(ref caught);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Quotient(int a, int b) => a / b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Length(string? text) => text!.Length;

    private static void LaunchNumber(ComputeDevice device, bool isOwn, string options = "")
    {
        ProgramCache programs = device.Programs;
        using ComputeProgram program = isOwn ? programs.GetOrBuildOwn(Division, options) : programs.GetOrBuild(Division, options);
        using ComputeKernel kernel = program.CreateKernel("number");
        using DeviceBuffer<int> buffer = device.Allocate<int>(1);
        device.Queue.Submit(kernel.Set(0, buffer), 1, 1);
        device.Queue.Finish();
    }

    /// <summary>Divides on the device, by 0 and the least int by −1 among others: the others' results have to be right.</summary>
    private static void Divide(ComputeDevice device)
    {
        int[] a = [.. Enumerable.Range(0, Items).Select(i => i % 7 == 0 ? int.MinValue : (i * 1000) - 7)];
        int[] b = [.. Enumerable.Range(0, Items).Select(i => (i % 8) - 3)];
        int[] quotients = new int[Items], remainders = new int[Items];
        using ComputeProgram program = device.Programs.GetOrBuild(Division);
        using ComputeKernel kernel = program.CreateKernel("divide");
        using DeviceBuffer<int> dividends = device.Upload<int>(a), divisors = device.Upload<int>(b);
        using DeviceBuffer<int> first = device.Allocate<int>(Items), second = device.Allocate<int>(Items);
        device.Queue.Submit(kernel.Set(0, dividends).Set(1, divisors).Set(2, first).Set(3, second), Items, 4);
        device.Queue.Read(first, quotients.AsSpan());
        device.Queue.Read(second, remainders.AsSpan());
        for (int i = 0; i < Items; i++)
        {
            bool exists = b[i] != 0 && (b[i] != -1 || a[i] != int.MinValue);
            if (exists && (quotients[i] != a[i] / b[i] || remainders[i] != a[i] % b[i]))
            {
                throw new InvalidOperationException($"{a[i]} by {b[i]} gave {quotients[i]}, remainder {remainders[i]}.");
            }
        }
    }

    private static bool IsSame(SignalAction first, SignalAction second)
    {
        ReadOnlySpan<byte> a = MemoryMarshal.AsBytes(new ReadOnlySpan<SignalAction>(in first));
        ReadOnlySpan<byte> b = MemoryMarshal.AsBytes(new ReadOnlySpan<SignalAction>(in second));

        // The handler and the mask's first 64 signals; the other bytes of the mask are what the C library found there.
        return a[..16].SequenceEqual(b[..16]) && Flags(a) == Flags(b);

        // They come after the whole mask. One of them only tells that the C library set the action.
        static int Flags(ReadOnlySpan<byte> action)
        {
            const int wasSetByLibrary = 0x04000000;
            return BitConverter.ToInt32(action[136..]) & ~wasSetByLibrary;
        }
    }

    private static SignalAction[] AllActions()
    {
        SignalAction[] actions = new SignalAction[LastSignal + 1];
        fixed (SignalAction* action = actions)
        {
            for (int signal = 1; signal <= LastSignal; signal++)
            {
                _ = LibC.SetAction(signal, null, action + signal);
            }
        }

        return actions;
    }
}
