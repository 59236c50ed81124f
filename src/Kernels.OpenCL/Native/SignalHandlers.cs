using System.Diagnostics;

namespace Kernels.OpenCL.Native;

/// <summary>
/// Keeps the process's signal handlers those of the .NET runtime and the host while drivers load, compile and run: exceptions for null
/// references and divisions by zero, Ctrl+C and SIGTERM all come as signals. What a driver or its compiler installs is put back to what
/// was there before; what anyone else installs, at any time, stays. On Linux only: elsewhere no driver is known to do it.
/// </summary>
internal static unsafe class SignalHandlers
{
    private const int LastSignal = 64;
    private const long WatchMilliseconds = 5000;

    private static readonly Lock Gate = new();
    private static readonly SignalAction[] Good = new SignalAction[LastSignal + 1];
    private static readonly HashSet<nint> DriverModules = [];
    private static Dictionary<nint, ModuleInfo>? earlierModules;
    private static bool driversAreLoaded;
    private static bool needsWatch;
    private static long watchUntil;
    private static bool isWatching;

    /// <summary>Whether LLVM is kept from installing handlers at all; if not, they are put back when they turn up.</summary>
    internal static bool Disarms { get; set; } = true;

    /// <summary>To be called before drivers are loaded.</summary>
    public static void BeforeDrivers()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        lock (Gate)
        {
            if (earlierModules is null)
            {
                earlierModules = LoadedModules.Find();
                PutBack();
            }
        }
    }

    /// <summary>To be called after <see cref="BeforeDrivers"/>, when drivers are loaded.</summary>
    public static void AfterDrivers()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        lock (Gate)
        {
            if (!driversAreLoaded)
            {
                driversAreLoaded = true;
                Dictionary<nint, ModuleInfo> modules = LoadedModules.Find();
                DriverModules.UnionWith(modules.Keys.Except(earlierModules!.Keys));
                HashSet<nint> compilers = Disarms ? LlvmSignals.Disarm(modules.Values) : [];
                DriverModules.UnionWith(compilers.Select(ModuleOf));
                bool hasPocl = modules.Values.Any(module => module.Path.Contains("libpocl", StringComparison.Ordinal));
                needsWatch = hasPocl && compilers.Count == 0;
            }

            PutBack();
        }
    }

    /// <summary>
    /// To be called before a driver may compile. Only a PoCL whose LLVM does not show its functions needs it: LLVM's handlers, which may
    /// come on a thread of PoCL's, are put back within about a millisecond.
    /// </summary>
    public static void Watch()
    {
        if (!needsWatch)
        {
            return;
        }

        lock (Gate)
        {
            watchUntil = Stopwatch.GetTimestamp() + (Stopwatch.Frequency * WatchMilliseconds / 1000);
            if (!isWatching)
            {
                isWatching = true;
                new Thread(KeepPuttingBack) { IsBackground = true, Name = "Kernels: signal handlers" }.Start();
            }
        }
    }

    /// <summary>Puts back the handlers that are a driver's, and remembers the others.</summary>
    public static void PutBack()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        lock (Gate)
        {
            for (int signal = 1; signal <= LastSignal; signal++)
            {
                SignalAction action;

                // The C library keeps two signals to itself and refuses to tell about them.
                if (LibC.SetAction(signal, null, &action) == 0)
                {
                    if (IsDrivers(action))
                    {
                        action = Replace(signal, Good[signal]);
                    }

                    Good[signal] = action;
                }
            }
        }
    }

    /// <summary>Sets an action, unless somebody who is no driver was faster.</summary>
    private static SignalAction Replace(int signal, SignalAction action)
    {
        SignalAction replaced;
        _ = LibC.SetAction(signal, &action, &replaced);
        if (IsDrivers(replaced))
        {
            return action;
        }

        _ = LibC.SetAction(signal, &replaced, null);
        return replaced;
    }

    private static bool IsDrivers(SignalAction action) =>
        action.HasHandler && DriverModules.Count != 0 && DriverModules.Contains(ModuleOf(action.Handler));

    private static nint ModuleOf(nint address) => LibC.TryFindModule(address, out ModuleInfo module) ? module.Start : 0;

    private static void KeepPuttingBack()
    {
        while (true)
        {
            lock (Gate)
            {
                if (Stopwatch.GetTimestamp() > watchUntil)
                {
                    isWatching = false;
                    return;
                }

                PutBack();
            }

            Thread.Sleep(1);
        }
    }
}
