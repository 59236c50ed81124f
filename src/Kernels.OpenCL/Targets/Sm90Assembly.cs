using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Kernels.OpenCL;

/// <summary>
/// Builds programs with instructions that only Hopper's own target, sm_90a, has. NVIDIA's compiler builds for sm_90, whose
/// assembler refuses them; but a built program's binary is PTX, as text. So the instructions are comments behind a marker in
/// the first build, and the text without the marker is assembled again, for sm_90a. So are programs that say how many work-groups are
/// to share a multiprocessor: PTX has a directive for it, OpenCL C has nothing, and the option that bounds registers is not heeded.
/// </summary>
internal static partial class Sm90Assembly
{
    /// <summary>Ten times the only compute capability that has the instructions.</summary>
    public const int ComputeCapability = 90;

    private static readonly byte[] Marker = Encoding.UTF8.GetBytes(KernelContract.Sm90aMarker);
    private static readonly byte[] GroupsDirective = Encoding.UTF8.GetBytes(KernelContract.GroupsPerMultiprocessorDirective);

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
    /// A program, in two stages where it has marked instructions or a comment of its source names a number of work-groups.
    /// </summary>
    public static ComputeProgram GetOrBuild(ProgramCache programs, ReadOnlySpan<byte> source, string name)
    {
        ComputeProgram program = programs.GetOrBuildOwn(source, name: name);
        int? groups = GroupsPerMultiprocessor(source);
        if (source.IndexOf(Marker) < 0 && groups is null)
        {
            return program;
        }

        using (program)
        {
            // Registers can move between warps only where their number at the start is known, which a number of work-groups makes it.
            return programs.GetOrLoadOwn(Assemble(program.GetBinary(), groups ?? 1), name: name);
        }
    }

    /// <summary>The work-groups a multiprocessor that a source names in a comment; null if it names none.</summary>
    internal static int? GroupsPerMultiprocessor(ReadOnlySpan<byte> source)
    {
        int at = source.IndexOf(GroupsDirective);
        if (at < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> digits = source[(at + GroupsDirective.Length)..];
        int end = digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        return int.Parse(end < 0 ? digits : digits[..end], CultureInfo.InvariantCulture);
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

    /// <summary>A program's PTX with the marked instructions, for sm_90a and so many work-groups a multiprocessor.</summary>
    internal static byte[] Assemble(ReadOnlySpan<byte> binary, int groups)
    {
        string text = Encoding.UTF8.GetString(binary).TrimEnd('\0')
            .Replace(KernelContract.Sm90aMarker, string.Empty, StringComparison.Ordinal);
        string directive = string.Create(CultureInfo.InvariantCulture, $"$0\n{KernelContract.GroupsPerMultiprocessorDirective}{groups}");
        return Encoding.UTF8.GetBytes(WorkGroup().Replace(Target().Replace(text, ".target sm_90a"), directive) + "\0");
    }

    [GeneratedRegex(@"\.target sm_90\b")]
    private static partial Regex Target();

    [GeneratedRegex(@"\.reqntid [^\r\n]*")]
    private static partial Regex WorkGroup();
}
