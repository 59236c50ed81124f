using System.Diagnostics;

namespace Kernels.Conformance.Tests;

/// <summary>Runs other programs.</summary>
internal static class Tool
{
    /// <summary>The .NET host that runs this process's kind of assemblies.</summary>
    public static string DotNet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>Runs a program to its end; a program that takes longer than the limit is killed and fails the test.</summary>
    public static ToolResult Run(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string input = "",
        int limitSeconds = 600)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(TimeSpan.FromSeconds(limitSeconds)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} did not end within {limitSeconds} s: {output.Result}{errors.Result}");
        }

        return new ToolResult(process.ExitCode, output.Result, errors.Result);
    }

    /// <summary>The first of several programs that is in the PATH, or null.</summary>
    public static string? Find(params string[] names) => names
        .SelectMany(
            name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);
}
