using System.CommandLine;
using System.Globalization;
using Kernels.Benchmarks.Host;
using Kernels.Benchmarks.Profile;
using Spectre.Console;

namespace Kernels.Benchmarks.Compare;

/// <summary>The command line of compare.</summary>
internal static class CompareCommand
{
    /// <summary>The command.</summary>
    public const string Name = "compare";

    /// <summary>The command that its processes run.</summary>
    public const string ParticipantName = "participant";

    private static readonly Option<string> SuiteOption = CreateSuiteOption();
    private static readonly Option<string?> DeviceOption = new("--device")
    {
        Description = "Which device, as KERNELS_DEVICE says it: cpu, gpu, #1, a part of its name. Left out, the suite's kind.",
    };
    private static readonly Option<int> ProcessesOption = new("--processes")
    {
        Description = "Processes of each participant.",
        DefaultValueFactory = _ => 3,
    };
    private static readonly Option<double> SecondsOption = new("--seconds")
    {
        Description = "Seconds of sampling for each row, participant and process.",
        DefaultValueFactory = _ => 1,
    };
    private static readonly Option<string?> FilterOption = new("--filter") { Description = "Only rows whose name contains this." };
    private static readonly Option<bool> NoSeriesOption = new("--no-series")
    {
        Description = "Without the rows that show growth with length and batch.",
    };
    private static readonly Option<bool> NoPeersOption = new("--no-peers") { Description = "Only our kernels." };
    private static readonly Option<string?> JsonOption = new("--json") { Description = "Writes all measurements to a file." };
    private static readonly Option<string?> MarkdownOption = new("--markdown") { Description = "Writes the tables to a file." };
    private static readonly Option<string?> PlotOption = new("--plot") { Description = "Draws speed and cost growth into a PNG." };

    /// <summary>The command line: compare, what its processes are started with, host, and profile.</summary>
    public static RootCommand Create()
    {
        AtLeastOne(ProcessesOption);
        SecondsOption.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (> 0 and <= 60))
            {
                result.AddError("--seconds must be more than 0 and at most 60.");
            }
        });
        Command compare = new(
            Name,
            "Measures the kernels beside their ceilings and their peers, each in several processes, in turns. Before a time counts, a "
            + "sample of the "
            + "outputs is compared with a reference in double precision. Ceilings: linear reads; multiply-adds in float32; for 16-bit "
            + "products tensor "
            + "cores by the fastest instruction that the driver takes, beside PyTorch's matmul (8192³) where PyTorch is.")
        {
            SuiteOption, DeviceOption, ProcessesOption, SecondsOption, FilterOption, NoSeriesOption, NoPeersOption, JsonOption,
                MarkdownOption, PlotOption,
        };
        compare.SetAction(arguments => Run(Read(arguments)));
        var who = new Argument<string>("participant");
        Command participant = new(ParticipantName, "A process of compare.") { who, SuiteOption, DeviceOption };
        participant.Hidden = true;
        participant.SetAction(arguments =>
        {
            CompareOptions options = Read(arguments);
            if (arguments.GetValue(who) == "onnx")
            {
                ParticipantLoop.RunOnnx(Console.In, Console.Out);
            }
            else
            {
                ParticipantLoop.RunKernels(options.Suite, options.Device, Console.In, Console.Out);
            }
        });
        return new RootCommand("Benchmarks.") { compare, participant, HostCommand.Create(), ProfileCommand.Create() };
    }

    /// <summary>What a command line asks for.</summary>
    public static CompareOptions Read(ParseResult arguments)
    {
        Suite suite = Suite.All.First(suite => suite.Name == arguments.GetValue(SuiteOption));
        return new(suite, arguments.GetValue(DeviceOption) ?? suite.Device)
        {
            Processes = arguments.GetValue(ProcessesOption),
            Seconds = arguments.GetValue(SecondsOption),
            Filter = arguments.GetValue(FilterOption),
            Series = !arguments.GetValue(NoSeriesOption),
            Peers = !arguments.GetValue(NoPeersOption),
            Json = arguments.GetValue(JsonOption),
            Markdown = arguments.GetValue(MarkdownOption),
            Plot = arguments.GetValue(PlotOption),
            CommandLine = string.Join(
                ' ', arguments.Tokens.Select(token => token.Value.Contains(' ') ? $"\"{token.Value}\"" : token.Value)),
        };
    }

    private static int Run(CompareOptions options)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        if (options.Rows.IsEmpty)
        {
            Console.Error.WriteLine($"Suite {options.Suite.Name} has no such row.");
            return 2;
        }

        if (options.Plot is not null && options.Rows.All(row => row.Series is null))
        {
            Console.Error.WriteLine("--plot draws series, and none is among the rows; --filter growth chooses some.");
            return 2;
        }

        Comparison comparison = Comparison.Run(options, Console.Error);
        Report report = Report.Create(comparison);
        if (Console.IsOutputRedirected)
        {
            // Nobody's window is that narrow when there is no window.
            AnsiConsole.Profile.Width = 220;
        }

        report.Write(AnsiConsole.Console);
        if (options.Markdown is { } markdown)
        {
            File.WriteAllText(markdown, report.ToMarkdown());
        }

        if (options.Json is { } json)
        {
            File.WriteAllText(json, ReportJson.Serialize(comparison));
        }

        if (options.Plot is { } plot)
        {
            Plots.Save(comparison, plot);
        }

        // That a bar is not met is a result; that our kernels did not run is a failure.
        return comparison.Rows.All(row => row.Ours is not null) ? 0 : 1;
    }

    private static Option<string> CreateSuiteOption()
    {
        var option = new Option<string>("--suite") { Description = "Which rows: cpu or gpu.", DefaultValueFactory = _ => "cpu" };
        option.AcceptOnlyFromAmong([.. Suite.All.Select(suite => suite.Name)]);
        return option;
    }

    private static void AtLeastOne(Option<int> option) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < 1)
        {
            result.AddError($"{option.Name} must be at least 1.");
        }
    });
}
