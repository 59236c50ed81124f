namespace Kernels.OpenCL;

/// <summary>A device's compiler refused a program; the message holds the device, the options, the log and the numbered source.</summary>
public sealed class ProgramBuildException : ComputeException
{
    internal ProgramBuildException(string programName, string deviceName, string options, string log, string numberedSource, int code)
        : base(Compose(programName, deviceName, options, log, numberedSource, code), code)
    {
        ProgramName = programName;
        DeviceName = deviceName;
        Options = options;
        Log = log;
        NumberedSource = numberedSource;
    }

    /// <summary>What the caller named the program.</summary>
    public string ProgramName { get; }

    /// <summary>The device that it was built for.</summary>
    public string DeviceName { get; }

    /// <summary>The compiler's options, the runtime's own included.</summary>
    public string Options { get; }

    /// <summary>What the compiler wrote; may be empty.</summary>
    public string Log { get; }

    /// <summary>The source, each line with its number, so that the log's line numbers can be followed.</summary>
    public string NumberedSource { get; }

    private static string Compose(string programName, string deviceName, string options, string log, string numberedSource, int code) =>
        $"""
        Building {programName} for {deviceName} failed: {Native.ClStatus.NameOf(code)} ({code}).
        Options: {options}
        Log:
        {(string.IsNullOrWhiteSpace(log) ? "(the compiler wrote none)" : log.TrimEnd())}
        Source:
        {numberedSource}
        """;
}
