using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Native;

/// <summary>
/// Keeps LLVM, the compiler in most drivers, from taking the process's signals. Its first compilation installs handlers for SIGSEGV,
/// SIGFPE, SIGINT, SIGTERM and ten more, once in a process, and remembers that it did. So they are installed here before, where nobody
/// notices: by a short-lived process that shares this one's memory, and with it LLVM's memory of having done so, but not its handlers.
/// </summary>
internal static unsafe class LlvmSignals
{
    // void llvm::sys::SetInterruptFunction(void (*)()): keeps the function, here none, and sees to it that the handlers are installed.
    private const string InstallHandlers = "_ZN4llvm3sys20SetInterruptFunctionEPFvvE";

    private const int SharedMemory = 0x100, ParentWaits = 0x4000;
    private const int SetMask = 2, AnyChild = 0x40000000, Interrupted = 4;
    private const int StackBytes = 256 << 10;

    /// <summary>Does it for every LLVM among the modules that shows the function.</summary>
    /// <returns>The functions found where it worked.</returns>
    public static HashSet<nint> Disarm(IEnumerable<ModuleInfo> modules)
    {
        HashSet<nint> tried = [], disarmed = [];
        foreach (ModuleInfo module in modules)
        {
            // A library shows the functions of those that it needs, too: the same address again.
            string path = module.Path;
            if (!path.Contains('/', StringComparison.Ordinal) || !NativeLibrary.TryLoad(path, out nint library))
            {
                continue;
            }

            if (NativeLibrary.TryGetExport(library, InstallHandlers, out nint function) && tried.Add(function) && RunBeside(function))
            {
                disarmed.Add(function);
            }

            NativeLibrary.Free(library);
        }

        return disarmed;
    }

    /// <summary>Calls a function with one argument, 0, in a process that shares this one's memory; returns when that has ended.</summary>
    private static bool RunBeside(nint function)
    {
        // 1024 bits, all set: a signal to the whole group, such as Ctrl+C, must not run the host's handlers a second time over there.
        ulong* all = stackalloc ulong[16], before = stackalloc ulong[16];
        new Span<ulong>(all, 16).Fill(ulong.MaxValue);
        void* stack = NativeMemory.AlignedAlloc(StackBytes, 16);
        try
        {
            _ = LibC.SetMask(SetMask, all, before);
            int process = LibC.Clone(function, (byte*)stack + StackBytes, SharedMemory | ParentWaits, 0);
            _ = LibC.SetMask(SetMask, before, null);
            return process > 0 && EndedByItself(process);
        }
        finally
        {
            NativeMemory.AlignedFree(stack);
        }
    }

    private static bool EndedByItself(int process)
    {
        int status, result;
        do
        {
            result = LibC.Wait(process, &status, AnyChild);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Interrupted);

        const int signalBits = 0x7F;
        return result == process && (status & signalBits) == 0;
    }
}
