using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Native;

/// <summary>The calls of Linux's C library that <see cref="SignalHandlers"/> and its helpers make.</summary>
internal static unsafe partial class LibC
{
    // glibc before 2.34 has it in a library of its own, which the program that hosts the runtime has loaded in any case.
    private static readonly delegate* unmanaged[Cdecl]<nint, ModuleInfo*, int> DlAddr = FindDlAddr();

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetEnvironmentVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "sigaction")]
    public static partial int SetAction(int signal, SignalAction* action, SignalAction* old);

    [LibraryImport("libc", EntryPoint = "sigprocmask")]
    public static partial int SetMask(int how, ulong* mask, ulong* old);

    [LibraryImport("libc", EntryPoint = "clone")]
    public static partial int Clone(nint function, byte* stackTop, int flags, nint argument);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    public static partial int Wait(int process, int* status, int options);

    [LibraryImport("libc", EntryPoint = "mmap")]
    public static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    public static partial int Unmap(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    public static partial int Protect(nint address, nuint bytes, int protection);

    /// <summary>The address of <c>dladdr</c>, or 0 where the process has none.</summary>
    public static nint DlAddrAddress => (nint)DlAddr;

    /// <summary>
    /// The module (the program, or a shared library) that an address lies in; false for memory that belongs to none, such as code from a
    /// JIT compiler.
    /// </summary>
    public static bool TryFindModule(nint address, out ModuleInfo module)
    {
        fixed (ModuleInfo* found = &module)
        {
            *found = default;
            return DlAddr is not null && DlAddr(address, found) != 0;
        }
    }

    private static delegate* unmanaged[Cdecl]<nint, ModuleInfo*, int> FindDlAddr() =>
        NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "dladdr", out nint address)
            ? (delegate* unmanaged[Cdecl]<nint, ModuleInfo*, int>)address
            : null;
}
