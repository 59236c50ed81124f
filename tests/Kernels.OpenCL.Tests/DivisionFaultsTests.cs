using Kernels.OpenCL.Native;

namespace Kernels.OpenCL.Tests;

/// <summary>How long the instructions are that a kernel's division by zero skips.</summary>
public sealed unsafe class DivisionFaultsTests
{
    [Theory]
    [InlineData("F7F9", 2)] // idiv ecx
    [InlineData("F7F1", 2)] // div ecx
    [InlineData("F6FB", 2)] // idiv bl
    [InlineData("66F7F9", 3)] // idiv cx
    [InlineData("49F7F8", 3)] // idiv r8
    [InlineData("41F738", 3)] // idiv dword [r8]
    [InlineData("F77C2408", 4)] // idiv dword [rsp + 8]
    [InlineData("F73C24", 3)] // idiv dword [rsp]
    [InlineData("42F77CA010", 5)] // idiv dword [rax + r12*4 + 16]
    [InlineData("F73CAD44332211", 7)] // idiv dword [rbp*4 + 0x11223344]
    [InlineData("F7BB44332211", 6)] // idiv dword [rbx + 0x11223344]
    [InlineData("F7BC2444332211", 7)] // idiv dword [rsp + 0x11223344]
    [InlineData("F73D44332211", 6)] // idiv dword [rip + 0x11223344]
    [InlineData("F7D9", 0)] // neg ecx
    [InlineData("F7E1", 0)] // mul ecx
    [InlineData("0F05", 0)] // syscall
    [InlineData("F30F5EC1", 0)] // divss xmm0, xmm1
    public void DivisionsAreAsLongAsTheyAre(string instruction, int length)
    {
        byte[] bytes = [.. Convert.FromHexString(instruction), .. new byte[8]];
        fixed (byte* first = bytes)
        {
            Assert.Equal(length, DivisionFaults.LengthOfDivision(first));
        }
    }
}
