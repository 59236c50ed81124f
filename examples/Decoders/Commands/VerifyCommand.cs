using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Compares a model with the outputs of a reference implementation.</summary>
internal static class VerifyCommand
{
    private const string ExpectedFileName = "expected.safetensors";
    private const string GreedyFileName = "greedy.json";

    public static Command Create()
    {
        Option<string> model = CommandRunner.ModelOption();
        Option<string?> device = CommandRunner.DeviceOption();
        var expected = new Option<string?>("--expected")
        {
            Description = $"Reference logits and greedy tokens; by default {ExpectedFileName} of the checkpoint.",
            HelpName = "FILE",
        };
        var greedy = new Option<string?>("--greedy")
        {
            Description = $"Reference continuations of texts; by default {GreedyFileName} of a checkpoint without {ExpectedFileName}.",
            HelpName = "FILE",
        };
        Option<CacheKind?> cache = CommandRunner.CacheOption("both, one after the other");
        Option<MlaForm?> mla = CommandRunner.MlaOption("each, one after the other");
        Option<ElementType?> attentionType = CommandRunner.AttentionTypeOption();
        Option<bool> checkNumbers = CommandRunner.CheckNumbersOption();
        var command = new Command("verify", "Compares a model with the outputs of a reference implementation.")
        {
            model,
            expected,
            greedy,
            cache,
            mla,
            attentionType,
            checkNumbers,
            device,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(expected) is not null && result.GetValue(greedy) is not null)
            {
                result.AddError("--expected and --greedy exclude each other.");
            }
        });
        command.SetBody((result, output, cancellation) => Run(
            result.GetRequiredValue(model),
            result.GetValue(expected),
            result.GetValue(greedy),
            result.GetValue(cache) is { } kind ? [kind] : [CacheKind.Contiguous, CacheKind.Paged],
            result.GetValue(mla),
            result.GetValue(attentionType),
            () => CommandRunner.OpenDevice(result.GetValue(device), result.GetValue(checkNumbers)),
            output,
            cancellation));
        return command;
    }

    private static int Run(
        string folder, string? expected, string? greedy, CacheKind[] caches, MlaForm? mla, ElementType? type, Func<ComputeDevice> open,
        TextWriter output, CancellationToken cancellation)
    {
        folder = CheckpointFolder.Resolve(folder);
        ModelConfig config = ModelConfig.Load(folder);
        CommandRunner.CheckMla(mla, config, folder);
        MlaForm[] forms = mla is { } only ? [only] : config.Latent is null ? [MlaForm.Auto] : Enum.GetValues<MlaForm>();
        if (config.IsEncoder)
        {
            return greedy is null
                ? VerifyEncoder(folder, expected ?? Path.Combine(folder, ExpectedFileName), type, open, output, cancellation)
                : throw new CheckpointException(
                    folder, $"is of type {config.ModelType}, an encoder, which continues no texts: leave out --greedy");
        }

        if (expected is null && greedy is null)
        {
            string beside = Directory.Exists(folder) ? folder : Path.GetDirectoryName(Path.GetFullPath(folder))!;
            expected = Path.Combine(beside, ExpectedFileName);
            if (!File.Exists(expected))
            {
                greedy = Path.Combine(beside, GreedyFileName);
                expected = File.Exists(greedy)
                    ? null : throw new CheckpointException(folder, $"has neither {ExpectedFileName} nor {GreedyFileName}");
            }
        }

        TextTokenizer? tokenizer = greedy is null ? null : TextTokenizer.Load(folder);
        ImmutableArray<ReferencePrompt> prompts = greedy is null ? Verifier.ReadExpected(expected!) : Verifier.ReadGreedy(
            greedy, tokenizer!);
        int capacity = Math.Min(config.ContextLimit, prompts.Max(p => p.Tokens.Length + Math.Max(p.Greedy.Length - 1, 0)));
        using ComputeDevice device = open();
        var tally = new Tally();
        foreach ((CacheKind cache, MlaForm form) in caches.SelectMany(cache => forms.Select(form => (cache, form))))
        {
            using Decoder decoder = CommandRunner.WithStatus(
                $"Loading {folder} on {device}",
                _ => Decoder.Load(device, folder, sequences: 1, capacity, AttentionCatalog.With(cache, form, type: type)));
            string name = config.Latent is null ? "" : form switch
            {
                MlaForm.Absorbed => ", latent attention absorbed",
                MlaForm.Expanded => ", latent attention expanded",
                _ => ", latent attention in the form that multiplies less, request by request",
            };
            string ofType = decoder.AttentionType == ElementType.Float32 ? ""
                : " + 16·u·σ·√layers, u the type's unit roundoff, σ the deviation of the logits";
            output.WriteLine($"{folder} on {device}, {(cache == CacheKind.Paged ? "paged" : "contiguous")} cache{name}");
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"attention in {decoder.AttentionType}: logits may differ by {PromptResult.Float32Tolerance}{ofType}; "
                    + $"tokens whose logits are closer than twice that count as ties"));
            tally += Report(decoder, prompts, tokenizer, output, cancellation);
        }

        output.WriteLine($"{tally.Passed} passed, {tally.Failed} failed");

        // Nothing verified is nothing shown.
        return tally is { Failed: 0, Passed: > 0 } ? 0 : CommandRunner.Failed;
    }

    private static int VerifyEncoder(
        string folder, string path, ElementType? type, Func<ComputeDevice> open, TextWriter output, CancellationToken cancellation)
    {
        ImmutableArray<ReferenceText> texts = Verifier.ReadExpectedStates(path);
        using ComputeDevice device = open();
        using TextEmbedder embedder = CommandRunner.WithStatus(
            $"Loading {folder} on {device}",
            _ =>
                TextEmbedder.Load(
                    device, folder, texts.Max(text => text.Tokens.Length), pooling: null,
                    AttentionCatalog.With(CacheKind.Contiguous, type: type)));
        output.WriteLine($"{folder} on {device}, an encoder");
        var tally = new Tally();
        foreach (ReferenceText text in texts)
        {
            cancellation.ThrowIfCancellationRequested();
            double difference = Verifier.Run(embedder, text);
            bool passed = difference <= Verifier.EncoderTolerance;
            tally += new Tally(passed ? 1 : 0, passed ? 0 : 1);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{text.Name,-8} {text.Tokens.Length,4} tokens  hidden states differ by at most {difference:E1} of the largest  "
                    + $"{(passed ? "passed" : "FAILED")}"));
        }

        output.WriteLine($"{tally.Passed} passed, {tally.Failed} failed");
        return tally is { Failed: 0, Passed: > 0 } ? 0 : CommandRunner.Failed;
    }

    /// <summary>Runs the prompts in every form, a line each.</summary>
    internal static Tally Report(
        Decoder decoder, ImmutableArray<ReferencePrompt> prompts, TextTokenizer? tokenizer, TextWriter output,
        CancellationToken cancellation)
    {
        var tally = new Tally();
        foreach (ReferencePrompt prompt in prompts)
        {
            string name = string.Create(CultureInfo.InvariantCulture, $"{prompt.Name,-8} {prompt.Tokens.Length,4} tokens");
            if (!Verifier.Fits(prompt, decoder.Capacity))
            {
                output.WriteLine($"{name}  skipped: the context is limited to {decoder.Config.ContextLimit} tokens");
                continue;
            }

            foreach (PromptForm form in Enum.GetValues<PromptForm>())
            {
                cancellation.ThrowIfCancellationRequested();
                PromptResult result = Verifier.Run(decoder, prompt, form, tokenizer);
                tally += new Tally(result.Passed ? 1 : 0, result.Passed ? 0 : 1);
                output.WriteLine($"{name}  {Describe(result)}");
            }
        }

        return tally;
    }

    private static string Describe(PromptResult result)
    {
        string form = result.Form switch
        {
            PromptForm.Prefill => "one prefill",
            PromptForm.PrefillThenDecode => "prefill, then decode",
            _ => "token by token",
        };
        string logits = result.MaxDifference is { } difference
            ? string.Create(
                CultureInfo.InvariantCulture, $"  max |logit difference| {difference:0.00e+00} of {result.Tolerance:0.00e+00} allowed")
            : string.Empty;
        string limit = result.GreedyCompared < result.Prompt.Greedy.Length
            ? $", of {result.Prompt.Greedy.Length}: the context is limited" : string.Empty;
        string greedy = result.GreedyAgreed == result.GreedyCompared
            ? $"all {result.GreedyCompared} greedy tokens agree{limit}"
            : $"greedy tokens differ after {result.GreedyAgreed} of {result.GreedyCompared}{limit}";
        greedy += result.Ties > 0 ? string.Create(CultureInfo.InvariantCulture, $", {result.Ties} of them as ties") : string.Empty;
        logits += result.RowsBeyond > 0 && result.RowsAllowed > 0
            ? string.Create(
                CultureInfo.InvariantCulture,
                $", exceeded by {result.RowsBeyond} tokens of {result.RowsAllowed} allowed where experts are chosen")
            : string.Empty;
        string text = result.TextAgreed is false ? "; their text differs" : string.Empty;
        return $"{form,-20}{logits}  {greedy}{text}  {(result.Passed ? "passed" : "FAILED")}";
    }

    /// <summary>How many runs agreed with the reference, and how many did not.</summary>
    internal readonly record struct Tally(int Passed, int Failed)
    {
        public static Tally operator +(Tally a, Tally b) => new(a.Passed + b.Passed, a.Failed + b.Failed);
    }
}
