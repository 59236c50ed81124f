using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Holds a conversation in the terminal.</summary>
internal static class ChatCommand
{
    private const int DefaultContext = 4096;
    private const int DefaultTokens = 1024;
    private const string Exit = "/exit";

    public static Command Create()
    {
        Option<string> model = CommandRunner.ModelOption();
        Option<string?> device = CommandRunner.DeviceOption();
        var system = new Option<string?>("--system") { Description = "What the model is told before the conversation.", HelpName = "TEXT" };
        Option<int> tokens = EngineArguments.Count("--tokens", "The most tokens of a reply.", DefaultTokens);
        Option<int> context = EngineArguments.Count(
            "--context", "The most tokens of the conversation, within the model's own limit.", DefaultContext);
        var variables = new Option<string[]>("--set")
        {
            Description = "A variable of the model's chat template, such as enable_thinking=false; several times for several.",
            HelpName = "NAME=VALUE",
        };
        Option<CacheKind?> cache = CommandRunner.CacheOption("contiguous");
        Option<MlaForm?> mla = CommandRunner.MlaOption("auto");
        Option<ElementType?> attentionType = CommandRunner.AttentionTypeOption();
        Option<bool> verbose = new("--verbose") { Description = "Say after each reply how much of the prompt was in the cache." };
        var sampling = new SamplingArguments();
        var command = new Command("chat", $"Holds a conversation: reads lines until the input ends or one is {Exit}.")
        {
            model, system, tokens, context, variables,
        };
        sampling.AddTo(command);
        foreach (Option option in (Option[])[cache, mla, attentionType, verbose, device])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            foreach (string variable in result.GetValue(variables) ?? [])
            {
                if (variable.IndexOf('=', StringComparison.Ordinal) < 1)
                {
                    result.AddError($"--set is '{variable}', not NAME=VALUE.");
                }
            }

            var names = (result.GetValue(variables) ?? []).CountBy(variable => variable.Split('=')[0]);
            if (names.FirstOrDefault(name => name.Value > 1).Key is { } twice)
            {
                result.AddError($"--set gives '{twice}' twice.");
            }
        });
        command.SetBody((result, output, cancellation) =>
        {
            string folder = result.GetRequiredValue(model);
            ModelConfig config = ModelConfig.Load(folder);
            CommandRunner.CheckMla(result.GetValue(mla), config, folder);
            TextTokenizer tokenizer = TextTokenizer.Load(folder);
            ChatTemplate template = ChatTemplate.Load(folder) ?? ChatTemplate.Plain;
            var conversation = new ChatConversation(result.GetValue(system) is { } text ? [new ChatTurn("system", text)] : [])
            {
                Variables = (result.GetValue(variables) ?? []).Select(Variable).ToDictionary(),
            };
            int capacity = Math.Min(result.GetValue(context), config.ContextLimit);
            using ComputeDevice opened = CommandRunner.OpenDevice(result.GetValue(device));
            AttentionFactory attention = AttentionCatalog.With(
                result.GetValue(cache) ?? CacheKind.Contiguous, result.GetValue(mla) ?? MlaForm.Auto, null, result.GetValue(attentionType));
            using Decoder decoder = CommandRunner.WithStatus(
                $"Loading {folder} on {opened}", _ => Decoder.Load(opened, folder, sequences: 1, capacity, attention));
            var session = new ChatSession(decoder, tokenizer, template, conversation, sampling.Read(result));
            TextWriter error = result.InvocationConfiguration.Error;
            return Converse(session, decoder.Capacity, result.GetValue(tokens), result.GetValue(verbose), output, error, cancellation);
        });
        return command;
    }

    private static int Converse(
        ChatSession session, int capacity, int tokens, bool verbose, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        bool asks = !Console.IsInputRedirected;
        while (!cancellation.IsCancellationRequested)
        {
            if (asks)
            {
                output.Write("> ");
                output.Flush();
            }

            string? line = Console.In.ReadLine();
            if (line is null || line.Trim() == Exit)
            {
                return 0;
            }

            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }

            bool fits = session.Ask(
                line, tokens,
                piece =>
                {
                    output.Write(piece);
                    output.Flush();
                },
                cancellation);
            if (!fits)
            {
                error.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"The conversation has {session.PromptTokens} tokens now; the context has {capacity}. "
                    + $"Run with a greater --context, or begin anew."));
                return CommandRunner.UserError;
            }

            output.WriteLine();
            if (verbose)
            {
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"prompt: {session.PromptTokens} tokens, {session.ReusedTokens} of them in the cache"));
            }

            output.Flush();
        }

        return CommandRunner.Interrupted;
    }

    // JSON, or else a text.
    private static KeyValuePair<string, JsonElement> Variable(string text)
    {
        int sign = text.IndexOf('=', StringComparison.Ordinal);
        string value = text[(sign + 1)..];
        try
        {
            using JsonDocument document = JsonDocument.Parse(value);
            return KeyValuePair.Create(text[..sign], document.RootElement.Clone());
        }
        catch (JsonException)
        {
            using JsonDocument document = JsonDocument.Parse("\"" + JsonEncodedText.Encode(value) + "\"");
            return KeyValuePair.Create(text[..sign], document.RootElement.Clone());
        }
    }
}
