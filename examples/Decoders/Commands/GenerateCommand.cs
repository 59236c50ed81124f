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
        var prompt = new Option<string>("--prompt") { Description = "The text to continue.", HelpName = "TEXT", Required = true };
        var tokens = new Option<int>("--tokens") { Description = "The most tokens to generate.", HelpName = "N", DefaultValueFactory = _ => 128 };
        var temperature = new Option<double>("--temperature") { Description = "0 always takes the likeliest token; 1 draws by the model's probabilities.", HelpName = "T" };
        var topK = new Option<int?>("--top-k") { Description = "Draw from the K likeliest tokens only.", HelpName = "K" };
        var topP = new Option<double>("--top-p") { Description = "Draw from the likeliest tokens that reach this probability together only.", HelpName = "P", DefaultValueFactory = _ => 1 };
        var seed = new Option<int?>("--seed") { Description = "The same seed draws the same text; by default another one each time.", HelpName = "SEED" };
        Check(tokens, n => n >= 1, "--tokens is not a number from 1.");
        Check(temperature, t => t >= 0 && double.IsFinite(t), "--temperature is not a number from 0.");
        Check(topK, k => k is null or >= 1, "--top-k is not a number from 1.");
        Check(topP, p => p is > 0 and <= 1, "--top-p is not a probability over 0.");

        var command = new Command("generate", "Continues a text.") { model, prompt, tokens, temperature, topK, topP, seed, device };
        command.SetBody((result, output, cancellation) => Run(
            result.GetRequiredValue(model),
            result.GetRequiredValue(prompt),
            result.GetValue(tokens),
            new SamplingOptions
            {
                Temperature = result.GetValue(temperature),
                TopK = result.GetValue(topK),
                TopP = result.GetValue(topP),
                Seed = result.GetValue(seed),
            },
            result.GetValue(device),
            output,
            cancellation));
        return command;
    }

    private static void Check<T>(Option<T> option, Func<T?, bool> allowed, string message) =>
        option.Validators.Add(result =>
        {
            if (!allowed(result.GetValueOrDefault<T>()))
            {
                result.AddError(message);
            }
        });

    private static int Run(
        string folder, string prompt, int count, SamplingOptions sampling, string? selector, TextWriter output, CancellationToken cancellation)
    {
        ModelConfig config = ModelConfig.Load(folder);
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        int[] tokens = [.. config.BosTokenId is { } bos ? [bos] : Array.Empty<int>(), .. tokenizer.Encode(prompt)];
        if (tokens.Length == 0)
        {
            throw new CheckpointException(folder, "has no token that begins a text, so the prompt cannot be empty");
        }

        // The last generated token is not run, so it needs no room.
        int capacity = (int)Math.Min(tokens.Length + (long)count - 1, int.MaxValue);
        config.CheckContext(capacity, folder);
        using ComputeDevice device = CommandRunner.OpenDevice(selector);
        using Decoder decoder = CommandRunner.WithStatus($"Loading {folder} on {device}", () =>
        {
            Decoder loaded = Decoder.Load(device, folder, sequences: 1, capacity);
            WarmUp(loaded, tokens);
            return loaded;
        });

        var generator = new Generator(decoder);
        var sampler = new Sampler(sampling);
        TokenStream stream = tokenizer.CreateStream();
        output.Write(prompt);
        output.Flush();
        long begin = Stopwatch.GetTimestamp();
        generator.Prefill(tokens, cancellation);
        TimeSpan promptTime = Stopwatch.GetElapsedTime(begin);
        begin = Stopwatch.GetTimestamp();
        int generated = 0;
        while (!cancellation.IsCancellationRequested)
        {
            int token = sampler.Next(generator.Logits);
            if (config.EosTokenIds.Contains(token))
            {
                break;
            }

            output.Write(stream.Push(token));
            output.Flush();
            if (++generated == count)
            {
                break;
            }

            generator.Decode(token);
        }

        TimeSpan generationTime = Stopwatch.GetElapsedTime(begin);
        output.WriteLine(stream.Flush());
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"prompt: {Rate(tokens.Length, promptTime)} · generated: {Rate(generated, generationTime)} · device: {device} · cache: {decoder.CacheBytes:N0} bytes"));
        return cancellation.IsCancellationRequested ? CommandRunner.Interrupted : 0;
    }

    // The driver compiles kernels when they first run; that is loading, not speed.
    private static void WarmUp(Decoder decoder, int[] tokens)
    {
        var generator = new Generator(decoder);
        generator.Prefill(tokens.AsSpan(0, Math.Min(tokens.Length, 16)));
        if (decoder.Length(0) < decoder.Capacity)
        {
            generator.Decode(tokens[0]);
        }

        decoder.Reset(0);
    }

    private static string Rate(int tokens, TimeSpan time) =>
        string.Create(CultureInfo.InvariantCulture, $"{tokens} tokens, {(time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0):F1} tokens/s");
}
