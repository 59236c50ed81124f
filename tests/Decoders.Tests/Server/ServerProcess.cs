using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Decoders.Tests;

/// <summary>The program as a process of its own, serving a checkpoint on a free port of this machine.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process process;
    private readonly StringBuilder errors = new();

    private ServerProcess(Process process)
    {
        this.process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        process.BeginErrorReadLine();
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => process.HasExited;

    /// <summary>What it wrote to its standard error.</summary>
    public string Errors
    {
        get
        {
            lock (errors)
            {
                return errors.ToString();
            }
        }
    }

    /// <summary>Starts it, and waits until it listens.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="arguments">Further arguments of <c>serve</c>.</param>
    public static async Task<ServerProcess> StartAsync(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in (string[])["exec", typeof(CommandRunner).Assembly.Location, "serve", "--model", folder, "--urls",
            "http://127.0.0.1:0", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        var server = new ServerProcess(Process.Start(start)!);
        try
        {
            string line = await server.process.StandardOutput.ReadLineAsync().WaitAsync(Patience) ?? "";
            Match match = Regex.Match(line, @"http://127\.0\.0\.1:\d+");
            server.Address = match.Success ? new Uri(match.Value) : throw new InvalidOperationException(
                $"It does not listen: {line} {server.Errors}");
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        process.Dispose();
    }
}
