using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Native;

/// <summary>
/// Lets kernels of PoCL divide by zero. On x86-64 such a division (and the least integer by −1) raises SIGFPE, of which .NET makes an
/// exception in its own code and a crash in any other. OpenCL leaves the result open, and the kernel has to go on.
/// </summary>
/// <remarks>
/// The handler sees faults of managed code, too, in whose threads no managed code may run before the runtime's handler. So it is machine
/// code, and does no more than to tell one from the other by the module in which the faulting instruction lies: PoCL's kernels are shared
/// libraries, code from .NET's JIT compiler lies in no module, and code compiled ahead of time lies in that of the runtime's own handler.
/// </remarks>
internal static unsafe class DivisionFaults
{
    private const int Sigfpe = 8;
    private const nuint PageBytes = 4096;
    private const int ReadWrite = 3, ReadExecute = 5, PrivateAnonymous = 0x22;

    /// <summary>Where x86-64's ucontext_t has the instruction pointer.</summary>
    private const int InstructionPointer = 168;

    private static readonly Lock Gate = new();
    private static bool isInstalled;
    private static nint runtimeHandler;

    /// <summary>Whether this process is of the kind in which a kernel's division can raise a signal.</summary>
    public static bool CanOccur => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    /// <summary>Lets kernels divide by zero from here on. Nothing changes where the process may not make memory executable.</summary>
    public static void Tolerate()
    {
        if (!CanOccur)
        {
            return;
        }

        lock (Gate)
        {
            if (!isInstalled)
            {
                isInstalled = true;
                SignalHandlers.PutBack();
                Install();
                SignalHandlers.PutBack();
            }
        }
    }

    /// <summary>The bytes of an integer division (div or idiv) of x86-64, or 0 if the instruction is another.</summary>
    internal static int LengthOfDivision(byte* instruction)
    {
        byte* p = instruction;
        while (*p is 0x66 or 0x67 or 0xF2 or 0xF3 or 0x2E or 0x36 or 0x3E or 0x26 or 0x64 or 0x65)
        {
            p++;
        }

        bool hasRex = (*p & 0xF0) == 0x40;
        p += hasRex ? 1 : 0;
        if (*p++ is not (0xF6 or 0xF7))
        {
            return 0;
        }

        int mode = *p >> 6, operation = (*p >> 3) & 7, register = *p & 7;
        p++;
        if (operation is not (6 or 7))
        {
            return 0;
        }

        if (mode != 3)
        {
            // A second byte names base and index; without a displacement's length in the mode, number 5 stands for four bytes of it.
            int @base = register == 4 ? *p++ & 7 : register;
            p += mode switch
            {
                1 => 1,
                2 => 4,
                _ => @base == 5 ? 4 : 0,
            };
        }

        return (int)(p - instruction);
    }

    private static void Install()
    {
        SignalAction action;
        if (LibC.DlAddrAddress == 0 || LibC.SetAction(Sigfpe, null, &action) != 0 || !action.HasHandler)
        {
            return;
        }

        runtimeHandler = action.Handler;
        nint runtimeModule = LibC.TryFindModule(action.Handler, out ModuleInfo module) ? module.Start : 0;
        nint page = LibC.Map(0, PageBytes, ReadWrite, PrivateAnonymous, -1, 0);
        if (page == -1)
        {
            return;
        }

        byte[] code = Dispatcher(runtimeModule, runtimeHandler, (nint)(delegate* unmanaged[Cdecl]<int, void*, byte*, void>)&SkipDivision);
        code.CopyTo(new Span<byte>((void*)page, code.Length));
        if (LibC.Protect(page, PageBytes, ReadExecute) != 0)
        {
            _ = LibC.Unmap(page, PageBytes);
            return;
        }

        // Flags and mask stay the runtime's.
        action.Handler = page;
        _ = LibC.SetAction(Sigfpe, &action, null);
    }

    /// <summary>void handler(int signal, siginfo_t *info, void *context), which hands all three on to one of two others.</summary>
    private static byte[] Dispatcher(nint runtimeModule, nint runtimeHandler, nint kernelHandler) =>
    [
        0x57,                                                       // push rdi
        0x56,                                                       // push rsi
        0x52,                                                       // push rdx
        0x48, 0x83, 0xEC, 0x20,                                     // sub  rsp, 32                 a Dl_info; the stack is aligned again
        0x48, 0x8B, 0xBA, .. Bytes(InstructionPointer),             // mov  rdi, [rdx + 168]
        0x48, 0x89, 0xE6,                                           // mov  rsi, rsp
        0x48, 0xB8, .. Bytes(LibC.DlAddrAddress),                   // mov  rax, dladdr
        0xFF, 0xD0,                                                 // call rax
        0x48, 0x8B, 0x4C, 0x24, 0x08,                               // mov  rcx, [rsp + 8]          where the module begins
        0x48, 0x83, 0xC4, 0x20,                                     // add  rsp, 32
        0x5A,                                                       // pop  rdx
        0x5E,                                                       // pop  rsi
        0x5F,                                                       // pop  rdi
        0x85, 0xC0,                                                 // test eax, eax
        0x74, 27,                                                   // jz   runtime                 in no module
        0x48, 0xB8, .. Bytes(runtimeModule),                        // mov  rax, the runtime's module
        0x48, 0x39, 0xC1,                                           // cmp  rcx, rax
        0x74, 12,                                                   // je   runtime
        0x48, 0xB8, .. Bytes(kernelHandler),                        // mov  rax, SkipDivision
        0xFF, 0xE0,                                                 // jmp  rax
        0x48, 0xB8, .. Bytes(runtimeHandler),                       // runtime: mov rax, its handler
        0xFF, 0xE0,                                                 // jmp  rax
    ];

    private static byte[] Bytes(int value) => BitConverter.GetBytes(value);

    private static byte[] Bytes(nint value) => BitConverter.GetBytes((long)value);

    /// <summary>Lets a thread of PoCL's go on behind the division; its result is what the registers held.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void SkipDivision(int signal, void* info, byte* context)
    {
        byte** next = (byte**)(context + InstructionPointer);
        int length = LengthOfDivision(*next);
        if (length != 0)
        {
            *next += length;
        }
        else
        {
            ((delegate* unmanaged[Cdecl]<int, void*, byte*, void>)runtimeHandler)(signal, info, context);
        }
    }
}
