using System.Diagnostics;

namespace Kernels.Benchmarks.Compare;

/// <summary>Who takes part, and how each is started.</summary>
internal static class Participants
{
    /// <summary>Our process first, then the peers.</summary>
    /// <param name="suite">The suite.</param>
    /// <param name="device">The device to open, as a selector says it.</param>
    /// <param name="python">A Python that imports torch; null: none was found.</param>
    public static IReadOnlyList<Participant> Create(Suite suite, string device, string? python)
    {
        List<Participant> all =
            [new(Participant.Ours, [.. Self(), CompareCommand.ParticipantName, "kernels", "--suite", suite.Name, "--device", device])];
        if (suite.Name == "cpu")
        {
            all.Add(new(Participant.Onnx, [.. Self(), CompareCommand.ParticipantName, "onnx", "--suite", suite.Name, "--device", device]));
        }

        if (python is not null)
        {
            string script = Path.Combine(AppContext.BaseDirectory, "Compare", "Peers", "torch_peer.py");
            all.Add(new(Participant.Torch, [python, "-u", script, suite.Name == "cpu" ? "cpu" : "cuda"]));
        }

        return all;
    }

    /// <summary>Finds a Python with torch: that of KERNELS_PYTHON, else python3, if it imports torch.</summary>
    /// <param name="reason">Why there is none.</param>
    public static string? FindTorch(out string reason)
    {
        string python = Environment.GetEnvironmentVariable("KERNELS_PYTHON") is { Length: > 0 } named ? named : "python3";
        try
        {
            using Process process = Process.Start(
                new ProcessStartInfo(python, ["-c", "import torch"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            reason = process.ExitCode == 0 ? string.Empty : $"{python}: {error.TrimEnd().Split('\n')[^1]}";
            return process.ExitCode == 0 ? python : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            reason = $"there is no {python}";
            return null;
        }
    }

    // The program's own executable; under "dotnet exec" that is dotnet, which has to be told the program.
    private static IEnumerable<string> Self()
    {
        string executable = Environment.ProcessPath ?? throw new InvalidOperationException("The process's file is not known.");
        return Path.GetFileNameWithoutExtension(executable) == "dotnet"
            ? [executable, "exec", typeof(Participants).Assembly.Location] : [executable];
    }
}
