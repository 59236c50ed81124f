using System.Diagnostics;
using System.Text.Json;
using Kernels.Benchmarks.Compare;

namespace Kernels.Benchmarks.Tests;

/// <summary>The whole command, in its processes, on the smallest row that there is.</summary>
public sealed class SmokeTests
{
    private const string Row = "prefill causal f32 B1 H8/2 S512 D64 growth";

    [SkippableFact]
    public void CompareMeasuresAndReports()
    {
        CpuDevice.Require();
        string folder = Directory.CreateTempSubdirectory("kernels-compare-").FullName;
        try
        {
            string json = Path.Combine(folder, "a.json"), markdown = Path.Combine(folder, "b.md"), plot = Path.Combine(folder, "c.png");
            string output = Run(
                "compare", "--suite", "cpu", "--filter", Row, "--processes", "1", "--seconds", "0.01", "--json", json, "--markdown",
                markdown, "--plot", plot);
            Assert.Contains("growth prefill f32", output);

            using JsonDocument report = JsonDocument.Parse(File.ReadAllText(json));
            JsonElement row = Assert.Single(report.RootElement.GetProperty("rows").EnumerateArray());
            Assert.Equal(Row, row.GetProperty("work").GetProperty("name").GetString());
            Assert.True(row.GetProperty("ceiling").GetDouble() > 1e8);
            Assert.True(row.GetProperty("memoryBytes").GetInt64() > 512 * 64 * 12 * 4);
            string?[] participants =
                [.. row.GetProperty("participants").EnumerateArray().Select(participant => participant.GetProperty("name").GetString())];
            Assert.Contains(Participant.Ours, participants);
            Assert.Contains(Participant.Onnx, participants);
            Assert.All(
                row.GetProperty("participants").EnumerateArray(), participant => Assert.True(
                    participant.GetProperty("seconds").GetDouble() > 1e-6));
            Assert.Contains("| 512 |", File.ReadAllText(markdown));
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(plot)[..4]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [SkippableFact]
    public void ARowIsSampledInTurnsWithTheOneThatItIsComparedWith()
    {
        CpuDevice.Require();
        string json = Path.GetTempFileName();
        try
        {
            Run(
                "compare", "--suite", "cpu", "--filter", "S1024 D128 score mod", "--processes", "1", "--seconds", "0.01", "--no-peers",
                "--json", json);
            using JsonDocument report = JsonDocument.Parse(File.ReadAllText(json));
            JsonElement row = Assert.Single(report.RootElement.GetProperty("rows").EnumerateArray());
            Assert.Equal(
                "prefill causal f32 B1 H32/8 S1024 D128", Assert.Single(row.GetProperty("others").EnumerateArray()).GetProperty("row")
                    .GetString());
            Assert.InRange(Assert.Single(row.GetProperty("bars").EnumerateArray()).GetProperty("value").GetDouble(), 0.01, 100);
        }
        finally
        {
            File.Delete(json);
        }
    }

    [Fact]
    public void AFilterWithoutRowsIsAnError() => Assert.Equal(2, Start("compare", "--filter", "no such row").Code);

    private static string Run(params string[] arguments)
    {
        (int code, string output) = Start(arguments);
        Assert.True(code == 0, output);
        return output;
    }

    private static (int Code, string Output) Start(params string[] arguments)
    {
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", typeof(Suite).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
