using System.CommandLine;
using System.Diagnostics;
using Kernels.Benchmarks.Compare;
using Kernels.OpenCL;
using Spectre.Console;

namespace Kernels.Benchmarks.Host;

/// <summary>
/// The command that measures what a decode step costs the host by the wall clock, call by call, on a machine that needs no .NET.
/// </summary>
internal static class HostCommand
{
    /// <summary>The command.</summary>
    public const string Name = "host";

    private const int Layers = 32;

    /// <summary>The command line.</summary>
    public static Command Create()
    {
        var device = new Option<string>("--device")
        {
            Description = "Which device, as KERNELS_DEVICE says it.",
            DefaultValueFactory = _ => "gpu",
        };
        var steps = new Option<int>("--steps")
        {
            Description = "Steps that are measured, after as many that are not.",
            DefaultValueFactory = _ => 1000,
        };
        steps.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is not (> 0 and <= 100_000))
            {
                result.AddError("--steps must be 1 to 100000.");
            }
        });
        var command = new Command(
            Name,
            $"Measures what a decode step of {HostStep.Sequences} sequences costs the host: a plan, and what is enqueued for each of "
                + $"{Layers} layers.") { device, steps };
        command.SetAction(arguments => Run(arguments.GetValue(device)!, arguments.GetValue(steps)));
        return command;
    }

    /// <summary>The medians of single calls, over a contiguous and a paged cache.</summary>
    /// <param name="device">The device.</param>
    /// <param name="steps">Steps that are measured.</param>
    public static TextTable Measure(ComputeDevice device, int steps)
    {
        Times[] caches = [Time(HostStep.Contiguous(device), steps), Time(HostStep.Paged(device), steps)];
        var table = new TextTable(
            $"{device.Capabilities.Name}, {caches[0].Target} kernels, {HostStep.Sequences} sequences",
            ["Host time, median", "contiguous", "page 16"]);
        Add("Build, plan of a step", times => times.Plan);
        Add("SubmitAppend", times => times.Append);
        Add("SubmitAttend", times => times.Attend);
        Add("both, a layer", times => times.Layer);
        return table;

        void Add(string what, Func<Times, IEnumerable<double>> of) =>
            table.Rows.Add([what, .. caches.Select(times => Units.Time(Statistics.Median(of(times))))]);
    }

    private static void Run(string device, int steps)
    {
        // Without times of the device: a queue that records them is slower.
        using var opened = ComputeDevice.Open(DeviceSelector.Parse(device), new ComputeDeviceOptions { Tuning = TuningMode.Off });
        Measure(opened, steps).Write(AnsiConsole.Console);
    }

    private static Times Time(IHostStep opened, int steps)
    {
        using IHostStep step = opened;
        var times = new Times(step.Target, [], [], [], []);
        for (int i = -steps; i < steps; i++)
        {
            // The device is idle when a step begins, as after the sampling of tokens.
            step.Finish();
            long begin = Stopwatch.GetTimestamp();
            step.Plan();
            long planned = Stopwatch.GetTimestamp();
            if (i >= 0)
            {
                times.Plan.Add(Seconds(begin, planned));
            }

            for (int layer = 0; layer < Layers; layer++)
            {
                begin = Stopwatch.GetTimestamp();
                step.SubmitAppend();
                long between = Stopwatch.GetTimestamp();
                step.SubmitAttend();
                long end = Stopwatch.GetTimestamp();
                if (i >= 0)
                {
                    times.Append.Add(Seconds(begin, between));
                    times.Attend.Add(Seconds(between, end));
                    times.Layer.Add(Seconds(begin, end));
                }
            }
        }

        return times;
    }

    // A TimeSpan has steps of 100 ns.
    private static double Seconds(long begin, long end) => (end - begin) / (double)Stopwatch.Frequency;

    /// <summary>Seconds of calls.</summary>
    private sealed record Times(KernelTarget Target, List<double> Plan, List<double> Append, List<double> Attend, List<double> Layer);
}
