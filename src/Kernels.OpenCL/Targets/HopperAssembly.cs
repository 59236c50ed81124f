using System.Text;
using System.Text.RegularExpressions;

namespace Kernels.OpenCL;

/// <summary>
/// Builds programs with instructions that only Hopper's own target, sm_90a, has. NVIDIA's compiler builds for sm_90, whose
/// assembler refuses them; but a built program's binary is PTX, as text. So the instructions are comments behind a marker in
/// the first build, and the text without the marker is assembled again, for sm_90a.
/// </summary>
internal static partial class HopperAssembly
{
    /// <summary>Ten times the only compute capability that has the instructions.</summary>
    public const int ComputeCapability = 90;

    private static readonly byte[] Marker = Encoding.UTF8.GetBytes(KernelContract.Sm90aMarker);
    private static readonly byte[] RegisterOption = Encoding.UTF8.GetBytes(KernelContract.MaxRegistersOption);

    /// <summary>The least program with an instruction of the kind; it is built to see whether the driver can.</summary>
    private static ReadOnlySpan<byte> Probe => """
        kernel __attribute__((reqd_work_group_size(128, 1, 1))) void probe(global int* out)
        {
            asm volatile("//@sm90a wgmma.fence.sync.aligned;");
            asm volatile("//@sm90a setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(40));
            out[get_local_id(0)] = 1;
        }
        """u8;

    /// <summary>
    /// A program, with the bound on registers that a comment of its source asks for, and in two stages where it has marked instructions.
    /// </summary>
    public static ComputeProgram GetOrBuild(ProgramCache programs, ReadOnlySpan<byte> source, string name)
    {
        ComputeProgram program = programs.GetOrBuildOwn(source, RegisterBound(source), name);
        if (source.IndexOf(Marker) < 0)
        {
            return program;
        }

        using (program)
        {
            return programs.GetOrLoadOwn(Assemble(program.GetBinary()), name: name);
        }
    }

    /// <summary>The option of NVIDIA's compiler that a source names in a comment, or nothing.</summary>
    internal static string RegisterBound(ReadOnlySpan<byte> source)
    {
        int at = source.IndexOf(RegisterOption);
        if (at < 0)
        {
            return string.Empty;
        }

        ReadOnlySpan<byte> digits = source[(at + RegisterOption.Length)..];
        int end = digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return Encoding.UTF8.GetString(source.Slice(at, RegisterOption.Length + (end < 0 ? digits.Length : end)));
    }

    /// <summary>Why a device's driver does not assemble the instructions; empty where it does.</summary>
    public static string Refusal(ComputeDevice device)
    {
        try
        {
            GetOrBuild(device.Programs, Probe, "probe of Hopper's instructions").Dispose();
            return string.Empty;
        }
        catch (ComputeException failure) when (failure is not DeviceLostException)
        {
            return failure.Message;
        }
    }

    /// <summary>A program's PTX with the marked instructions, for sm_90a.</summary>
    internal static byte[] Assemble(ReadOnlySpan<byte> binary)
    {
        string text = Encoding.UTF8.GetString(binary).TrimEnd('\0')
            .Replace(KernelContract.Sm90aMarker, string.Empty, StringComparison.Ordinal);

        // Registers can move between warps only where their number at the start is known, which one work-group a multiprocessor makes it.
        return Encoding.UTF8.GetBytes(WorkGroup().Replace(Target().Replace(text, ".target sm_90a"), "$0\n.minnctapersm 1") + "\0");
    }

    [GeneratedRegex(@"\.target sm_90\b")]
    private static partial Regex Target();

    [GeneratedRegex(@"\.reqntid [^\r\n]*")]
    private static partial Regex WorkGroup();
}
