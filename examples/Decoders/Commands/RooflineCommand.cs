using System.CommandLine;
using System.CommandLine.Parsing;
using Kernels.Costs;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Says how fast attention, or a whole model, can be on a device, and how much of it fits.</summary>
internal static class RooflineCommand
{
    public static Command Create()
    {
        var subject = new RooflineArguments();
        Option<string?> device = CommandRunner.DeviceOption();
        var profile = new Option<string?>("--device-profile")
        {
            Description =
                "Figures of a device from a table, instead of measuring one: "
                    + $"{string.Join(", ", KnownDevice.All.Select(known => known.Name))}.",
            HelpName = "NAME",
        };
        profile.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } name && KnownDevice.Find(name) is null)
            {
                result.AddError(
                    $"--device-profile is '{name}', not one of {string.Join(", ", KnownDevice.All.Select(known => known.Name))}.");
            }
        });
        Option<int[]> batches = Counts("--batch", "Sequences that run side by side.", [1, 8, 64]);
        Option<int[]> contexts = Counts("--context", "Tokens of each.", [1024, 4096, 16384]);
        var vectors = new Option<bool>("--float32")
        {
            Description = "Count on the device's float32 rate, not on the rate of matrix units for 16-bit operands.",
        };
        var measure = new Option<bool>("--measure")
        {
            Description =
                "Run it on the device too: the attention kernels, or the steps of a checkpoint with weights. Steps that take long or do "
                    + "not fit are left out.",
        };
        var phase = new Option<RooflinePhase?>("--phase")
        {
            Description = "Only steps of single tokens, or only those of prompts; by default both.",
            HelpName = "decode|prefill",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                RooflinePhase? one = text switch { "decode" => RooflinePhase.Decode, "prefill" => RooflinePhase.Prefill, _ => null };
                if (one is null)
                {
                    result.AddError($"--phase is '{text}', not decode or prefill.");
                }

                return one;
            },
        };
        var plot = new Option<string?>("--plot") { Description = "Draw the roofline with the steps on it.", HelpName = "FILE.png" };
        var command = new Command("roofline", "Predicts the speed of attention, or of a model, on a device by the roofline model.");
        subject.AddTo(command);
        foreach (Option option in (Option[])[batches, contexts, phase, profile, vectors, measure, plot, device])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(measure) && result.GetResult(profile) is not null)
            {
                result.AddError("--measure needs a device at hand: leave out --device-profile.");
            }
        });
        command.SetBody((result, output, cancellation) =>
        {
            RooflineSubject asked = subject.Read(result);
            ElementType operands = result.GetValue(vectors) ? ElementType.Float32 : asked.Layers[0].Shape.CacheStorage;
            int[] sequences = result.GetRequiredValue(batches), tokens = result.GetRequiredValue(contexts);
            using ComputeDevice? opened = result.GetValue(profile) is null ? CommandRunner.OpenDevice(result.GetValue(device)) : null;
            (Roofline roofline, string source) = opened is null ? Known(result.GetValue(profile)!, operands) : Measured(opened, operands);
            var report = new RooflineReport(asked, roofline, output);
            report.WriteHead(source);
            var steps = new RooflineSteps(
                asked, roofline, result.GetValue(measure) ? opened : null, () => Measured(opened!, operands).Roofline);
            RooflinePhase[] phases = result.GetValue(phase) is { } one ? [one] : [RooflinePhase.Decode, RooflinePhase.Prefill];
            IReadOnlyList<RooflinePoint> points = CommandRunner.WithStatus(
                "Measuring", _ => steps.Run(phases, sequences, tokens, cancellation));
            report.WriteSteps(points);
            if (result.GetValue(measure))
            {
                report.WriteMeasured(points, steps.Kernels);
            }

            report.WriteFit(sequences, tokens);
            report.WriteFamilies(sequences[^1], tokens[^1]);
            report.WriteMemory(sequences[^1], tokens[^1]);
            if (result.GetValue(plot) is { } file)
            {
                Draw(file, asked, roofline, points);
            }

            return cancellation.IsCancellationRequested ? CommandRunner.Interrupted : 0;
        });
        return command;
    }

    private static (Roofline, string) Known(string name, ElementType operands)
    {
        KnownDevice known = KnownDevice.Find(name)!;
        return (known.RooflineFor(operands), known.Source);
    }

    private static (Roofline Roofline, string Source) Measured(ComputeDevice device, ElementType operands)
    {
        DeviceProfile profile = CommandRunner.WithStatus($"Measuring {device}", _ => DeviceProfile.Measure(device));
        double flops = operands == ElementType.Float32 ? profile.Float32FlopsPerSecond : profile.TensorFlopsPerSecond
            ?? profile.Float32FlopsPerSecond;
        var roofline = new Roofline(profile.Device, flops, profile.ReadBytesPerSecond, device.Capabilities.GlobalMemoryBytes)
        {
            Overlap = profile.Overlap,
        };
        return (roofline, "measured");
    }

    private static void Draw(string file, RooflineSubject subject, Roofline roofline, IReadOnlyList<RooflinePoint> points)
    {
        try
        {
            RooflinePlot.Save(file, $"{subject.Name} on {roofline.Name}", roofline, points);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CheckpointException(file, "cannot be written: " + e.Message, e);
        }
    }

    internal static Option<int[]> Counts(string name, string description, int[] otherwise) => new(name)
    {
        Description = $"{description} Numbers from 1, separated by commas; by default {string.Join(',', otherwise)}.",
        HelpName = "N,…",
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            string[] parts = text.Split(',');
            var counts = new int[parts.Length];
            for (int i = 0; i < parts.Length; i++)
            {
                if (!int.TryParse(parts[i], System.Globalization.CultureInfo.InvariantCulture, out counts[i]) || counts[i] < 1)
                {
                    result.AddError($"{name} is '{text}', not numbers from 1, separated by commas.");
                    break;
                }
            }

            Array.Sort(counts);
            return counts;
        },
    };
}
