using System.Diagnostics;
using System.Text.Json;

namespace Kernels.Benchmarks.Compare;

/// <summary>
/// A process that does the work it is asked for and says how long it took. One that dies is started anew for the next piece of work.
/// </summary>
/// <param name="name">Its name where it cannot answer itself.</param>
/// <param name="command">Its file and arguments.</param>
internal sealed class Participant(string name, IReadOnlyList<string> command) : IDisposable
{
    /// <summary>Our kernels.</summary>
    public const string Ours = "Kernels";

    /// <summary>ONNX Runtime's GroupQueryAttention.</summary>
    public const string Onnx = "ONNX Runtime";

    /// <summary>PyTorch on a CPU: the best of its ways.</summary>
    public const string Torch = "PyTorch";

    /// <summary>PyTorch's scaled_dot_product_attention with FlashAttention-2.</summary>
    public const string FlashAttention = "FlashAttention-2";

    /// <summary>PyTorch's scaled_dot_product_attention with cuDNN.</summary>
    public const string CuDnn = "cuDNN";

    /// <summary>PyTorch's FlexAttention, compiled.</summary>
    public const string FlexAttention = "FlexAttention";

    // Compiling a FlexAttention, the slowest thing that a participant does, takes a minute at most.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Queue<string> errors = new();
    private Process? process;

    /// <summary>Asks for work and waits for the answer.</summary>
    public Answer Ask(Question question)
    {
        try
        {
            process ??= Start();
            process.StandardInput.WriteLine(JsonSerializer.Serialize(question, MessageJson.Default.Question));
            process.StandardInput.Flush();
            while (ReadLine(process) is { } line)
            {
                // Libraries may write to standard output too.
                if (line.StartsWith('{'))
                {
                    return JsonSerializer.Deserialize(line, MessageJson.Default.Answer) ?? throw new JsonException("null is no answer.");
                }
            }

            process.WaitForExit();
            return Failure($"the process ended with code {process.ExitCode}: {LastError()}");
        }
        catch (Exception e) when (e is IOException or JsonException or System.ComponentModel.Win32Exception or TimeoutException)
        {
            return Failure(e.Message);
        }
    }

    /// <summary>Ends the process.</summary>
    public void Dispose()
    {
        if (process is null)
        {
            return;
        }

        // Its input ends, and so does the process; if it hangs, at once.
        try
        {
            process.StandardInput.Close();
        }
        catch (IOException)
        {
        }

        if (!process.WaitForExit(TimeSpan.FromSeconds(10)))
        {
            process.Kill(entireProcessTree: true);
        }

        process.Dispose();
        process = null;
    }

    private static string? ReadLine(Process process)
    {
        Task<string?> line = process.StandardOutput.ReadLineAsync();
        return line.Wait(Patience) ? line.Result : throw new TimeoutException($"no answer within {Patience.TotalMinutes} minutes");
    }

    private Process Start()
    {
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process started = Process.Start(start) ?? throw new IOException($"{command[0]} could not be started.");
        started.ErrorDataReceived += (_, line) =>
        {
            if (!string.IsNullOrWhiteSpace(line.Data))
            {
                lock (errors)
                {
                    errors.Enqueue(line.Data);
                    while (errors.Count > 20)
                    {
                        errors.Dequeue();
                    }
                }
            }
        };
        started.BeginErrorReadLine();
        return started;
    }

    private string LastError()
    {
        lock (errors)
        {
            return errors.LastOrDefault(line => !line.StartsWith("   ", StringComparison.Ordinal)) ?? "it wrote no error";
        }
    }

    private Answer Failure(string reason)
    {
        process?.Kill(entireProcessTree: true);
        process?.Dispose();
        process = null;
        return new([new Sampled(name, [], reason)]);
    }
}
