using System.CommandLine;
using System.Globalization;
using Kernels.Benchmarks.Compare;
using Kernels.OpenCL;
using Spectre.Console;

namespace Kernels.Benchmarks.Profile;

/// <summary>The command that measures a device's ceilings, those that compare measures around each row, and nothing else.</summary>
internal static class ProfileCommand
{
    /// <summary>The command.</summary>
    public const string Name = "profile";

    /// <summary>The command line.</summary>
    public static Command Create()
    {
        var device = new Option<string>("--device")
        {
            Description = "Which device, as KERNELS_DEVICE says it.",
            DefaultValueFactory = _ => "gpu",
        };
        var times = new Option<int>("--times")
        {
            Description = "How many times to measure, one after the other.",
            DefaultValueFactory = _ => 3,
        };
        times.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is not (> 0 and <= 1000))
            {
                result.AddError("--times must be 1 to 1000.");
            }
        });
        var command = new Command(Name, "Measures the ceilings that compare holds rows against: linear reads, multiply-adds, tensor cores.")
        {
            device,
            times,
        };
        command.SetAction(arguments => Run(arguments.GetValue(device)!, arguments.GetValue(times)));
        return command;
    }

    /// <summary>The ceilings, a column for each measurement.</summary>
    public static TextTable Table(IReadOnlyList<DeviceProfile> profiles)
    {
        var table = new TextTable(
            profiles[0].Device, ["Ceiling", .. Enumerable.Range(1, profiles.Count).Select(i => i.ToString(CultureInfo.InvariantCulture))]);
        Add("linear read", profile => Units.Rate(profile.ReadBytesPerSecond, Bound.Memory));
        Add("multiply-adds, float32", profile => Units.Rate(profile.Float32FlopsPerSecond, Bound.Arithmetic));
        Add("reading that hides behind them", profile => Units.Percent(profile.Overlap));
        Add(
            "tensor cores, 16 bits", profile => profile.TensorFlopsPerSecond is { } flops
                ? $"{Units.Rate(flops, Bound.Arithmetic)} ({profile.TensorInstruction})" : "—");
        return table;

        void Add(string what, Func<DeviceProfile, string> of) => table.Rows.Add([what, .. profiles.Select(of)]);
    }

    private static void Run(string device, int times)
    {
        using var opened = ComputeDevice.Open(DeviceSelector.Parse(device));
        DeviceProfile[] profiles = [.. Enumerable.Range(0, times).Select(_ => DeviceProfile.Measure(opened))];
        Table(profiles).Write(AnsiConsole.Console);
        if (profiles[0].TensorRefusal is { } refusal)
        {
            AnsiConsole.Console.Write(new Text($"wgmma is refused: {refusal}\n"));
        }
    }
}
