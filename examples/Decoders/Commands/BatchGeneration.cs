using System.Collections.Immutable;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Kernels.OpenCL;
using Spectre.Console;

namespace Decoders;

/// <summary>Continues the lines of a file side by side.</summary>
internal static class BatchGeneration
{
    private const int QueueLimit = 64;

    /// <summary>Writes each line with its continuation, in order, line breaks as \n, and then a table of figures.</summary>
    public static int Run(
        ParseResult result, EngineArguments arguments, string folder, string file, int count, SamplingOptions sampling, string? selector,
        TextWriter output, CancellationToken cancellation)
    {
        ModelConfig config = ModelConfig.Load(folder);
        arguments.CheckModel(result, config, folder);
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        string[] prompts = ReadPrompts(file);
        ImmutableArray<int>[] tokens = [.. prompts.Select(prompt => CommandRunner.EncodePrompt(tokenizer, config, folder, prompt))];
        int capacity = (int)Math.Min(tokens.Max(prompt => prompt.Length) + (long)count - 1, int.MaxValue);
        config.CheckContext(capacity, folder);
        using ComputeDevice device = arguments.OpenDevice(result, selector);
        using DecodingEngine engine = CommandRunner.WithStatus(
            $"Loading {folder} on {device}", _ => arguments.Start(result, device, folder, tokenizer, capacity, QueueLimit));
        if (capacity > engine.MaxContext)
        {
            throw new CheckpointException(
                file, $"the longest prompt and {count} tokens need {capacity} tokens of cache; the pages have {engine.MaxContext}");
        }

        long begin = Stopwatch.GetTimestamp();
        string[] texts = WithProgress(prompts.Length, advance =>
            GenerateAsync(
                engine, [.. tokens.Select(prompt => new GenerationRequest(prompt, count) { Sampling = sampling })], advance, cancellation));
        TimeSpan time = Stopwatch.GetElapsedTime(begin);
        for (int i = 0; i < prompts.Length; i++)
        {
            output.WriteLine((prompts[i] + texts[i]).ReplaceLineEndings("\\n"));
        }

        WriteTable(engine, prompts.Length, time, output);
        arguments.WriteChoices(result, engine.AttentionKernels, output);
        return 0;
    }

    private static string[] ReadPrompts(string file)
    {
        string[] lines;
        try
        {
            lines = [.. File.ReadLines(file).Where(line => line.Length > 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(file, "cannot be opened: " + e.Message, e);
        }

        return lines.Length > 0 ? lines : throw new CheckpointException(file, "has no prompts");
    }

    private static async Task<string[]> GenerateAsync(
        DecodingEngine engine, GenerationRequest[] requests, Action advance, CancellationToken cancellation)
    {
        var tasks = new List<Task<string>>(requests.Length);
        foreach (GenerationRequest request in requests)
        {
            tasks.Add(CompleteAsync(await engine.SubmitAsync(request, cancellation)));
        }

        return await Task.WhenAll(tasks);

        async Task<string> CompleteAsync(Generation generation)
        {
            GenerationResult result = await generation.CompleteAsync(cancellation);
            advance();
            return result.Text;
        }
    }

    /// <summary>Runs under a progress bar if someone is looking.</summary>
    private static T WithProgress<T>(int steps, Func<Action, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
        {
            return work(() => { }).GetAwaiter().GetResult();
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(progress =>
            {
                ProgressTask task = progress.AddTask("Generating", maxValue: steps);
                return work(() => task.Increment(1));
            }).GetAwaiter().GetResult();
    }

    private static void WriteTable(DecodingEngine engine, int prompts, TimeSpan time, TextWriter output)
    {
        EngineStatistics done = engine.Statistics;
        var table = new Table().RoundedBorder().HideHeaders().AddColumns("", "");
        table.Columns[1].RightAligned();
        Add("Prompts", $"{prompts:N0}");
        Add("Time", $"{time.TotalSeconds:F1} s");
        Add("Prompt tokens", $"{done.PromptTokens:N0}");
        Add("Prompt tokens/s", $"{done.PromptTokens / time.TotalSeconds:F1}");
        Add("Tokens from cached prefixes", $"{done.ReusedTokens:N0}");
        Add("Generated tokens", $"{done.GeneratedTokens:N0}");
        Add("Generated tokens/s", $"{done.GeneratedTokens / time.TotalSeconds:F1}");
        Add("Guessed tokens, right of all", $"{done.AcceptedDraftTokens:N0} of {done.DraftTokens:N0}");
        if (engine.Config.Latent is not null)
        {
            Add("Tokens attended expanded, absorbed", $"{done.ExpandedTokens:N0}, {done.AbsorbedTokens:N0}");
        }

        Add("Steps", $"{done.Steps:N0}");
        Add("Pages used at most", $"{done.PagesUsedAtMost:N0} of {done.PagesFree + done.PagesUsed:N0}");
        Add("Preemptions", $"{done.Preemptions:N0}");
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        console.Write(table);

        void Add(string name, FormattableString value) =>
            table.AddRow(new Text(name), new Text(value.ToString(CultureInfo.InvariantCulture)));
    }
}
