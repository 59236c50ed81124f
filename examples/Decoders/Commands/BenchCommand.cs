using System.CommandLine;
using System.Globalization;
using Kernels.OpenCL;
using Spectre.Console;

namespace Decoders;

/// <summary>Measures the kernels around attention, and the steps of a model.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var model = new Option<string?>("--model") { Description = "Checkpoint whose steps are measured, too.", HelpName = "DIR" };
        var context = new Option<int>("--context")
        {
            Description = "Tokens of the checkpoint's prompt, behind which steps of one token are measured.",
            HelpName = "N",
            DefaultValueFactory = _ => 256,
            CustomParser = result => CommandRunner.ParseNumber<int>(result, n => n >= 2, "a number from 2"),
        };
        Option<int[]> batch = RooflineCommand.Counts("--batch", "Sequences that run side by side.", [1]);
        Option<string?> device = CommandRunner.DeviceOption();
        var command = new Command("bench", "Measures the kernels around attention beside what the device can do, and the steps of a model.")
        {
            model, context, batch, device,
        };
        command.SetBody((result, output, cancellation) =>
            Run(
                result.GetValue(model), result.GetValue(context), result.GetValue(batch)!, result.GetValue(device), output, cancellation));
        return command;
    }

    private static int Run(string? folder, int context, int[] batches, string? selector, TextWriter output, CancellationToken cancellation)
    {
        int capacity = context + ModelBenchmark.Growth;
        if (folder is not null)
        {
            ModelConfig.Load(folder).CheckContext(capacity, folder);
        }

        using ComputeDevice device = CommandRunner.OpenDevice(selector);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (Console.IsOutputRedirected)
        {
            console.Profile.Width = 200;
        }

        (DeviceProfile profile, List<KernelSpeed> speeds) = CommandRunner.WithStatus($"Measuring {device}", next =>
        {
            DeviceProfile measured = DeviceProfile.Measure(device);
            using var benchmark = new LayerBenchmark(device);
            var all = new List<KernelSpeed>();
            foreach (KernelSpeed speed in benchmark.Run())
            {
                cancellation.ThrowIfCancellationRequested();
                all.Add(speed);
                next($"Measured {speed.Kernel}, {speed.Size}");
            }

            return (measured, all);
        });
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{device}: reads {profile.ReadBytesPerSecond / 1e9:F1} GB/s, {profile.Float32FlopsPerSecond / 1e9:F0} GFLOP/s in float32"));
        var kernels = new Table().RoundedBorder().AddColumns("Kernel", "Size", "Time, ms", "GB/s", "GFLOP/s", "of the device");
        foreach (KernelSpeed speed in speeds)
        {
            kernels.AddRow(
                speed.Kernel, speed.Size, Number(speed.Seconds * 1e3, 3), Number(speed.Bytes / speed.Seconds / 1e9, 1),
                Number(speed.Flops / speed.Seconds / 1e9, 0),
                Percent(speed.ShareOf(profile)));
        }

        console.Write(kernels);
        if (folder is null)
        {
            return 0;
        }

        using Decoder decoder = CommandRunner.WithStatus(
            $"Loading {folder} on {device}", _ => Decoder.Load(device, folder, batches.Max(), capacity));
        var steps = new Table().RoundedBorder()
            .AddColumns("Step", "Tokens", "Time, ms", "Tokens/s", "linear", "other layers", "attention and host");
        foreach (StepSpeed step in ModelBenchmark.Run(decoder, context, batches, new LaunchTimes(device.Queue)))
        {
            steps.AddRow(
                step.Step, Number(step.Tokens, 0), Number(step.Seconds * 1e3, 3), Number(step.Tokens / step.Seconds, 0),
                Percent(step.Linear), Percent(step.Layers), Percent(step.Attention));
        }

        console.Write(steps);
        return 0;
    }

    private static string Number(double value, int digits) => value.ToString($"F{digits}", CultureInfo.InvariantCulture);

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * 100:F0} %");
}
