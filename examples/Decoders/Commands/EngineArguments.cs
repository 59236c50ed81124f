using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>The options that every command with an engine has.</summary>
internal sealed class EngineArguments
{
    private readonly Option<int> sequences = Count("--sequences", "Requests that run side by side.", 16);
    private readonly Option<int?> pages = new("--pages")
    {
        Description = "Pages of the KV cache, over all sequences; by default as many as all of them take at full length.",
        HelpName = "N",
        CustomParser = result => CommandRunner.ParseNumber<int>(result, n => n >= 1, "a number from 1"),
    };

    private readonly Option<int> stepTokens = Count(
        "--step-tokens", "The most tokens of a step; longer prompts run in pieces. At least one for each sequence.",
        new EngineOptions().StepTokens);
    private readonly Option<Preemption> preemption = new("--preemption")
    {
        Description =
            "What becomes of the latest sequence when pages run out: its cache moves to host memory, or is computed again; "
                + "by default swap.",
        HelpName = "swap|recompute",
        CustomParser = ParsePreemption,
    };

    private readonly Option<bool> noReuse = new("--no-prefix-reuse") { Description = "Do not share the cache of equal beginnings." };
    private readonly Option<MlaForm?> mla = CommandRunner.MlaOption("auto");
    private readonly Option<int?> expandFrom = CommandRunner.ExpandFromOption();
    private readonly Option<ElementType?> attentionType = CommandRunner.AttentionTypeOption();
    private readonly Option<bool> checkNumbers = CommandRunner.CheckNumbersOption();
    private readonly Option<bool> verbose = CommandRunner.VerboseOption();
    private readonly Option<int> draft = Count(
        "--draft", "The most tokens to guess from the text so far, for greedy requests.", 0, least: 0);

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[sequences, pages, stepTokens, preemption, noReuse, draft, mla, expandFrom, attentionType,
            checkNumbers, verbose])
        {
            command.Add(option);
        }

        command.Validators.Add(result => CommandRunner.CheckExpandFrom(result, mla, expandFrom));
    }

    /// <summary>Throws if an option does not go with the model.</summary>
    /// <exception cref="CheckpointException">A form of latent attention was asked for of a model that has none.</exception>
    public void CheckModel(ParseResult result, ModelConfig config, string folder) =>
        CommandRunner.CheckMla(result.GetValue(mla), config, folder, result.GetValue(expandFrom));

    /// <summary>The attention that the options ask for.</summary>
    /// <param name="result">What was parsed.</param>
    /// <param name="cache">The kind of cache.</param>
    public AttentionFactory Attention(ParseResult result, CacheKind cache)
    {
        MlaForm form = result.GetValue(mla) ?? MlaForm.Auto;
        int? from = result.GetValue(expandFrom);
        ElementType? type = result.GetValue(attentionType);
        return cache == CacheKind.Paged ? AttentionCatalog.WithPages(result.GetValue(pages), form, from, type) : AttentionCatalog.With(
            cache, form, from, type);
    }

    /// <summary>Opens a device as the options ask for.</summary>
    public ComputeDevice OpenDevice(ParseResult result, string? selector) =>
        CommandRunner.OpenDevice(selector, result.GetValue(checkNumbers));

    /// <summary>Writes what was chosen, if that was asked for.</summary>
    public void WriteChoices(ParseResult result, IEnumerable<string> lines, TextWriter output)
    {
        foreach (string line in result.GetValue(verbose) ? lines : [])
        {
            output.WriteLine(line);
        }
    }

    /// <summary>Loads a model and starts an engine with it.</summary>
    /// <exception cref="CheckpointException">The checkpoint cannot be used.</exception>
    /// <exception cref="ComputeException">The device cannot hold or run the model.</exception>
    public DecodingEngine Start(
        ParseResult result, ComputeDevice device, string folder, TextTokenizer tokenizer, int capacity, int queueLimit)
    {
        var options = new EngineOptions
        {
            StepTokens = Math.Max(result.GetValue(stepTokens), result.GetValue(sequences)),
            QueueLimit = queueLimit,
            Preemption = result.GetValue(preemption),
            ReusePrefixes = !result.GetValue(noReuse),
            DraftTokens = result.GetValue(draft),
            ModelName = ModelNames.Of(folder),
        };
        Decoder decoder = Decoder.Load(device, folder, result.GetValue(sequences), capacity, Attention(result, CacheKind.Paged));
        try
        {
            WarmUp(decoder, options);
            return new DecodingEngine(decoder, tokenizer, options);
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
    }

    // The driver compiles kernels when they first run; that is loading, not speed.
    private static void WarmUp(Decoder decoder, EngineOptions options)
    {
        int most = (int)Math.Min(Math.Min(options.StepTokens, decoder.Capacity), (long)decoder.Pages!.PageCount * decoder.Pages.PageSize);
        var logits = new float[decoder.Config.VocabularySize];
        foreach (int tokens in (int[])[1, Math.Min(most, 16), most])
        {
            decoder.Forward(0, new int[tokens], LogitRows.Last, logits);
            decoder.Reset(0);
        }
    }

    private static Preemption ParsePreemption(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        Preemption? preemption = text switch { "swap" => Preemption.SwapOut, "recompute" => Preemption.Recompute, _ => null };
        if (preemption is null)
        {
            result.AddError($"--preemption is '{text}', not swap or recompute.");
        }

        return preemption ?? default;
    }

    /// <summary>An option that is a whole number.</summary>
    internal static Option<int> Count(string name, string description, int otherwise, int least = 1) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => otherwise,
        CustomParser = result => CommandRunner.ParseNumber<int>(
            result, n => n >= least, string.Create(CultureInfo.InvariantCulture, $"a number from {least}")),
    };
}
