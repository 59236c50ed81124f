using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Continues a text.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        Option<string> model = CommandRunner.ModelOption();
        Option<string?> device = CommandRunner.DeviceOption();
        var prompt = new Option<string?>("--prompt") { Description = "The text to continue.", HelpName = "TEXT" };
        var batch = new Option<string?>("--batch")
        {
            Description = "Texts to continue side by side, one a line, instead of --prompt.",
            HelpName = "FILE",
        };
        var tokens = new Option<int>("--tokens")
        {
            Description = "The most tokens to generate.",
            HelpName = "N",
            DefaultValueFactory = _ => 128,
            CustomParser = result => CommandRunner.ParseNumber<int>(result, n => n >= 1, "a number from 1"),
        };
        var temperature = new Option<double?>("--temperature")
        {
            Description =
                "0 always takes the likeliest token; 1 draws by the model's probabilities. By default 0, or as generation_config.json "
                    + "says where it says to sample.",
            HelpName = "T",
            CustomParser = result => CommandRunner.ParseNumber<double>(result, t => t >= 0 && double.IsFinite(t), "a number from 0"),
        };
        var topK = new Option<int?>("--top-k")
        {
            Description = "Draw from the K likeliest tokens only.",
            HelpName = "K",
            CustomParser = result => CommandRunner.ParseNumber<int>(result, k => k >= 1, "a number from 1"),
        };
        var topP = new Option<double?>("--top-p")
        {
            Description = "Draw from the likeliest tokens that reach this probability together only.",
            HelpName = "P",
            CustomParser = result => CommandRunner.ParseNumber<double>(result, p => p is > 0 and <= 1, "a probability over 0"),
        };
        var seed = new Option<int?>("--seed")
        {
            Description = "The same seed draws the same text; by default another one each time.",
            HelpName = "SEED",
            CustomParser = result => CommandRunner.ParseNumber<int>(result, _ => true, "a whole number"),
        };

        Option<CacheKind?> cache = CommandRunner.CacheOption("contiguous, or paged with --batch");
        var engine = new EngineArguments();
        var command = new Command("generate", "Continues a text, or many side by side.")
        {
            model,
            prompt,
            batch,
            tokens,
            temperature,
            topK,
            topP,
            seed,
            cache,
        };
        engine.AddTo(command);
        command.Add(device);
        command.Validators.Add(result =>
        {
            if (result.GetValue(prompt) is null == result.GetValue(batch) is null)
            {
                result.AddError("Either --prompt or --batch is required.");
            }
            else if (result.GetValue(batch) is not null && result.GetResult(cache) is { Tokens: [{ Value: "contiguous" }] })
            {
                result.AddError("--batch needs a paged cache.");
            }
        });
        command.SetBody((result, output, cancellation) =>
        {
            string folder = result.GetRequiredValue(model);
            int count = result.GetValue(tokens);

            // Greedy unless tokens are asked to be drawn, here or by the model's makers; what they say of it holds where nothing is said
            // here.
            GenerationDefaults defaults = GenerationDefaults.Load(folder);
            bool drawn = result.GetValue(temperature) is > 0 || (result.GetResult(temperature) is null && defaults.DoSample is true);
            SamplingOptions sampling = drawn ? defaults.ToOptions() : new SamplingOptions();
            sampling = sampling with
            {
                Temperature = result.GetValue(temperature) ?? sampling.Temperature,
                TopK = result.GetValue(topK) ?? sampling.TopK,
                TopP = result.GetValue(topP) ?? sampling.TopP,
                Seed = result.GetValue(seed),
            };
            return result.GetValue(batch) is { } file
                ? BatchGeneration.Run(result, engine, folder, file, count, sampling, result.GetValue(device), output, cancellation)
                : Run(
                    result, engine, folder, result.GetRequiredValue(prompt)!, count, sampling, result.GetValue(cache)
                        ?? CacheKind.Contiguous, result.GetValue(device), output, cancellation);
        });
        return command;
    }

    private static int Run(
        ParseResult result, EngineArguments arguments, string folder, string prompt, int count, SamplingOptions sampling, CacheKind cache,
        string? selector, TextWriter output, CancellationToken cancellation)
    {
        ModelConfig config = ModelConfig.Load(folder);
        arguments.CheckModel(result, config, folder);
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        int[] tokens = [.. CommandRunner.EncodePrompt(tokenizer, config, folder, prompt)];
        if (tokens.Length == 0)
        {
            throw new CheckpointException(folder, "has no token that begins a text, so the prompt cannot be empty");
        }

        // The last generated token is not run, so it needs no room.
        int capacity = (int)Math.Min(tokens.Length + (long)count - 1, int.MaxValue);
        config.CheckContext(capacity, folder);
        using ComputeDevice device = arguments.OpenDevice(result, selector);
        using Decoder decoder = CommandRunner.WithStatus($"Loading {folder} on {device}", next =>
        {
            Decoder loaded = Decoder.Load(device, folder, sequences: 1, capacity, arguments.Attention(result, cache));
            next($"Preparing kernels for {device}; the first time, the driver compiles them");
            WarmUp(loaded, tokens);
            return loaded;
        });

        (long warmedExpanded, long warmedAbsorbed) = (decoder.Latent?.ExpandedTokens ?? 0, decoder.Latent?.AbsorbedTokens ?? 0);
        var generator = new Generator(decoder);
        var sampler = new Sampler(sampling);
        sampler.Begin(tokens);
        TokenStream stream = tokenizer.CreateStream();
        output.Write(prompt);
        output.Flush();
        long begin = Stopwatch.GetTimestamp();
        generator.Prefill(tokens, cancellation);
        TimeSpan promptTime = Stopwatch.GetElapsedTime(begin);
        begin = Stopwatch.GetTimestamp();
        int generated = 0;
        foreach (int token in generator.Continue(sampler, count))
        {
            if (config.EosTokenIds.Contains(token))
            {
                break;
            }

            generated++;
            if (!tokenizer.IsSpecial(token))
            {
                output.Write(stream.Push(token));
                output.Flush();
            }

            if (cancellation.IsCancellationRequested)
            {
                break;
            }
        }

        TimeSpan generationTime = Stopwatch.GetElapsedTime(begin);
        output.WriteLine(stream.Flush());
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"prompt: {Rate(tokens.Length, promptTime)} · generated: {Rate(generated, generationTime)} · device: {device} · cache: "
                + $"{decoder.CacheBytes:N0} bytes")
            + (decoder.Latent is { } latent
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $" of {(latent.CachesLatents ? "latents" : "keys and values")}, {latent.ExpandedTokens - warmedExpanded} tokens "
                        + $"attended expanded, {latent.AbsorbedTokens - warmedAbsorbed} absorbed") : ""));
        arguments.WriteChoices(result, [Describe(sampling), .. decoder.DescribeAttention()], output);
        return cancellation.IsCancellationRequested ? CommandRunner.Interrupted : 0;
    }

    private static string Describe(SamplingOptions sampling) => sampling.Temperature == 0
        ? "sampling: none, the likeliest token is taken"
        : string.Create(
            CultureInfo.InvariantCulture,
            $"sampling: temperature {sampling.Temperature}, top-k {(sampling.TopK is { } k ? k : "all")}, top-p {sampling.TopP}, min-p "
                + $"{sampling.MinP}, repetition penalty {sampling.RepetitionPenalty}");

    // The driver compiles kernels when they first run; that is loading, not speed.
    private static void WarmUp(Decoder decoder, int[] tokens)
    {
        var generator = new Generator(decoder);
        generator.Prefill(tokens.AsSpan(0, Math.Min(tokens.Length, 16)));
        if (decoder.Length(0) < decoder.Capacity)
        {
            _ = generator.Continue(new Sampler(new SamplingOptions()), 2).Count();
        }

        decoder.Reset(0);
    }

    private static string Rate(int tokens, TimeSpan time) =>
        string.Create(
            CultureInfo.InvariantCulture, $"{tokens} tokens, {(time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0):F1} tokens/s");
}
