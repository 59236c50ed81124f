using System.Diagnostics;

namespace Kernels.Conformance.Tests;

/// <summary>What a process left behind.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Errors)
{
    /// <summary>The last line of the output that is not empty.</summary>
    public string LastLine => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .LastOrDefault() ?? "";

    /// <summary>Whether a program of ours ended before it had a device.</summary>
    public bool IsWithoutDevice => ExitCode != 0
        && !Output.Contains("device: ", StringComparison.Ordinal)
        && (Errors.Contains("NoDeviceException", StringComparison.Ordinal)
            || Errors.Contains("DeviceSelectionException", StringComparison.Ordinal));

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Errors}";
}
