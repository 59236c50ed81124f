using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Kernels.OpenCL.Tests;

/// <summary>A process that uses a device keeps its signal handlers: exceptions, Ctrl+C and SIGTERM work as in any other.</summary>
public sealed partial class SignalTests
{
    public const int Sigusr1 = 10;

    private const int Sighup = 1, Sigint = 2, Sigterm = 15;

    [SkippableTheory]
    [InlineData("pocl", 1)]
    [InlineData("pocl", 2)]
    [InlineData("pocl", 3)]
    [InlineData("rusticl", 1)]
    public void ExceptionsAreCaughtBeforeDuringAndAfterBuildsAndLaunches(string driver, int run)
    {
        ChildResult result = Run(driver, "exceptions");
        Assert.True(result is { ExitCode: 0, Output: "caught" }, string.Create(CultureInfo.InvariantCulture, $"{run}: {result}"));
    }

    [SkippableTheory]
    [InlineData("pocl")]
    [InlineData("rusticl")]
    public void NoActionOfASignalChangesAtAnyTime(string driver) => Assert.Equal(new(0, "signals:", ""), Run(driver, "actions"));

    [SkippableFact]
    public void ProgramsThatMayDivideByZeroChangeTheActionOfSigfpeOnly()
    {
        // On other processors a division by zero raises no signal.
        string changed = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "\n8 no module" : "";
        Assert.Equal(new(0, "signals:" + changed, ""), Run("pocl", "actions-of-division"));
    }

    [SkippableFact]
    public void HandlersOfAnLlvmThatCannotBeDisarmedArePutBack() => Assert.Equal(new(0, "signals:", ""), Run("pocl", "actions-put-back"));

    [SkippableTheory]
    [InlineData("pocl")]
    [InlineData("rusticl")]
    public void HandlersRegisteredAtAnyStageAreCalled(string driver)
    {
        SkipWhereIgnored(Sigint);
        using Process process = Start(driver, "handlers");
        WaitUntilReady(process);
        (int, string)[] signals = [(Sigint, "interrupt"), (Sighup, "hangup"), (Sigusr1, "user"), (Sigterm, "terminate")];
        foreach ((int signal, string word) in signals)
        {
            Assert.Equal(0, Kill(process.Id, signal));
            Assert.Equal(word, process.StandardOutput.ReadLine());
        }

        Assert.Equal(new(0, "", ""), ChildResult.Of(process));
    }

    [SkippableTheory]
    [InlineData(Sigterm)]
    [InlineData(Sigint)]
    public void WithoutAHandlerASignalEndsTheProcessAsAnyOther(int signal)
    {
        SkipWhereIgnored(signal);
        ChildResult result = EndedBy(signal, "wait");
        Assert.Equal(128 + signal, result.ExitCode);
        Assert.Equal(EndedBy(signal, "wait-without-device"), result);
    }

    /// <summary>
    /// A shell without job control starts what runs in the background with its interrupts ignored, and children inherit that.
    /// </summary>
    private static void SkipWhereIgnored(int signal)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        const string mask = "SigIgn:";
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(mask, StringComparison.Ordinal));
        ulong ignored = ulong.Parse(
            line[mask.Length..].Trim(), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        Skip.If((ignored >> (signal - 1) & 1) != 0, $"signal {signal} was ignored when this process started");
    }

    private static ChildResult EndedBy(int signal, string what)
    {
        using Process process = Start("pocl", what);
        WaitUntilReady(process);
        Assert.Equal(0, Kill(process.Id, signal));
        return ChildResult.Of(process);
    }

    private static ChildResult Run(string driver, string what)
    {
        using Process process = Start(driver, what);
        ChildResult result = ChildResult.Of(process);
        Skip.If(result.ExitCode == SignalChild.NoDevice, result.Output);
        return result;
    }

    private static Process Start(string driver, string what)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Only on Linux do drivers install signal handlers.");
        (string, string?)[] environment = driver == "rusticl"
            ? [("RUSTICL_ENABLE", "llvmpipe"), ("KERNELS_DEVICE", "llvmpipe")]
            : [("KERNELS_DEVICE", "Portable Computing Language")];
        return Child.Start(["signals", what], environment);
    }

    private static void WaitUntilReady(Process process)
    {
        string? line = process.StandardOutput.ReadLine();
        if (line != "ready")
        {
            ChildResult result = ChildResult.Of(process);
            Skip.If(result.ExitCode == SignalChild.NoDevice, line);
            Assert.Fail($"{line}\n{result}");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
