using System.Diagnostics;

namespace Kernels.OpenCL.Tests;

/// <summary>What a process left behind.</summary>
internal sealed record ChildResult(int ExitCode, string Output, string Errors)
{
    /// <summary>Waits for the process; what of its output was read before is not in the result.</summary>
    public static ChildResult Of(Process process)
    {
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output.Trim(), errors.Result.Trim());
    }

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Errors}";
}
