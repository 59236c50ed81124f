using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;
using Kernels.OpenCL;
using Spectre.Console;

namespace Decoders;

/// <summary>Runs commands, and turns errors into their name and message, without a stack trace, and an exit code.</summary>
public static class CommandRunner
{
    /// <summary>Something that was to be compared does not agree.</summary>
    public const int Failed = 1;

    /// <summary>The command cannot be carried out as it was given.</summary>
    public const int UserError = 2;

    /// <summary>The command was interrupted: 128 + SIGINT.</summary>
    public const int Interrupted = 130;

    /// <summary>The program's commands.</summary>
    public static RootCommand CreateRoot() =>
        new("Decoder-only language models, and encoders, on any OpenCL device.")
        {
            GenerateCommand.Create(), ChatCommand.Create(), EmbedCommand.Create(), ServeCommand.Create(), TokenizeCommand.Create(),
            VerifyCommand.Create(), RooflineCommand.Create(), BenchCommand.Create(), DevicesCommand.Create(),
        };

    /// <summary>Parses the arguments and runs the command that they name.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="output">Where results go; by default the console.</param>
    /// <param name="error">Where errors go; by default the console.</param>
    /// <returns>The exit code: 0, or one of the constants of this class.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter? output = null, TextWriter? error = null)
    {
        CompiledAttention.Register();
        var configuration = new InvocationConfiguration { Output = output ?? Console.Out, Error = error ?? Console.Error };
        ParseResult result = CreateRoot().Parse(arguments);
        if (result.Action is ParseErrorAction)
        {
            foreach (string message in result.Errors.Select(e => e.Message))
            {
                configuration.Error.WriteLine(message);
            }

            configuration.Error.WriteLine("Run with --help to see what there is.");
            return UserError;
        }

        return await result.InvokeAsync(configuration);
    }

    /// <summary>Gives a command its body. It runs on a thread of its own, so that Ctrl-C reaches its token.</summary>
    internal static void SetBody(this Command command, Func<ParseResult, TextWriter, CancellationToken, int> body) =>
        command.SetAction(
            (result, cancellation) => Task.Run(
                () => Guard(result, () => body(result, result.InvocationConfiguration.Output, cancellation)), CancellationToken.None));

    /// <summary>Opens the device that a command line asks for, or else the environment.</summary>
    /// <param name="selector">What it asks for.</param>
    /// <param name="checkNumbers">Whether it asks for <see cref="CheckNumbersOption"/>.</param>
    internal static ComputeDevice OpenDevice(string? selector, bool checkNumbers = false) =>
        ComputeDevice.Open(
            string.IsNullOrEmpty(selector) ? null : DeviceSelector.Parse(selector), checkNumbers ? new() { CheckNumbers = true } : null);

    /// <summary>Does something that takes a while, under a spinner if someone is looking.</summary>
    /// <param name="status">What is done first.</param>
    /// <param name="work">The work; it may tell what it does next.</param>
    internal static T WithStatus<T>(string status, Func<Action<string>, T> work)
    {
        if (Console.IsErrorRedirected)
        {
            return work(static _ => { });
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Status().Start(Markup.Escape(status), context => work(next => context.Status(Markup.Escape(next))));
    }

    /// <summary>The option that every command with a model has.</summary>
    internal static Option<string> ModelOption() =>
        new("--model")
        {
            Description =
                "Checkpoint: a folder with config.json, *.safetensors and a tokenizer, one of Hugging Face's cache, or a .gguf file.",
            HelpName = "PATH",
            Required = true,
        };

    /// <summary>The option that every command with a device has.</summary>
    internal static Option<string?> DeviceOption() =>
        new("--device")
        {
            Description =
                $"auto, cpu, gpu, gpu:1, #0 or part of a name; by default what {DeviceSelector.EnvironmentVariable} says, else auto.",
            HelpName = "DEVICE",
        };

    /// <summary>The option that every command with a decoder has.</summary>
    /// <param name="otherwise">What it means to leave it out.</param>
    internal static Option<CacheKind?> CacheOption(string otherwise) =>
        new("--cache")
        {
            Description = $"The kind of KV cache; by default {otherwise}.",
            HelpName = "contiguous|paged",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                CacheKind? cache = text switch { "contiguous" => CacheKind.Contiguous, "paged" => CacheKind.Paged, _ => null };
                if (cache is null)
                {
                    result.AddError($"--cache is '{text}', not contiguous or paged.");
                }

                return cache;
            },
        };

    /// <summary>The option that says in which type attention takes and gives numbers.</summary>
    internal static Option<ElementType?> AttentionTypeOption() =>
        new("--attention-type")
        {
            Description =
                "The type of queries, keys, values and outputs of attention, and of the KV cache; by default that of the weights if it "
                    + "has 16 bits.",
            HelpName = "float32|float16|bfloat16",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                ElementType? type = text switch
                {
                    "float32" => ElementType.Float32,
                    "float16" => ElementType.Float16,
                    "bfloat16" => ElementType.BFloat16,
                    _ => null,
                };
                if (type is null)
                {
                    result.AddError($"--attention-type is '{text}', not float32, float16 or bfloat16.");
                }

                return type;
            },
        };

    /// <summary>The option that has the device look for NaN and infinities.</summary>
    internal static Option<bool> CheckNumbersOption() =>
        new("--check-numbers")
        {
            Description = "Look for NaN and infinities in what attention takes and gives, and end with the tensor that has one; slow.",
        };

    /// <summary>The option that every command with a decoder has for models with latent attention.</summary>
    /// <param name="otherwise">What it means to leave it out.</param>
    internal static Option<MlaForm?> MlaOption(string otherwise) =>
        new("--mla")
        {
            Description =
                "How latent attention (DeepSeek) runs: absorbed over a cache of latents, expanded over a cache of keys and values, or "
                    + $"auto, over latents, with each request of a step in the form that takes less arithmetic; by default {otherwise}.",
            HelpName = "auto|absorbed|expanded",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                MlaForm? form = text switch
                {
                    "auto" => MlaForm.Auto,
                    "absorbed" => MlaForm.Absorbed,
                    "expanded" => MlaForm.Expanded,
                    _ => null,
                };
                if (form is null)
                {
                    result.AddError($"--mla is '{text}', not auto, absorbed or expanded.");
                }

                return form;
            },
        };

    /// <summary>The option that says where <see cref="MlaOption"/>'s auto changes from one form to the other.</summary>
    internal static Option<int?> ExpandFromOption() =>
        new("--expand-from")
        {
            Description =
                "New tokens of a request from which on latent attention expands, with --mla auto; by default where it takes less "
                    + "arithmetic.",
            HelpName = "N",
            CustomParser = result => ParseNumber<int>(result, n => n >= 1, "a number from 1"),
        };

    /// <summary>Adds an error if a boundary was given and the form is not auto.</summary>
    internal static void CheckExpandFrom(CommandResult result, Option<MlaForm?> mla, Option<int?> expandFrom)
    {
        if (result.GetResult(expandFrom) is not null && result.GetValue(mla) is not (null or MlaForm.Auto))
        {
            result.AddError("--expand-from goes with --mla auto.");
        }
    }

    /// <summary>The option that has a command say what it has chosen.</summary>
    internal static Option<bool> VerboseOption() => new("--verbose")
    {
        Description = "Say which attention kernels and tiles run, and why.",
    };

    /// <summary>Throws if a form was asked for of a model that has no latent attention.</summary>
    internal static void CheckMla(MlaForm? form, ModelConfig config, string folder, int? expandFrom = null)
    {
        if ((form is not null || expandFrom is not null) && config.Latent is null)
        {
            throw new CheckpointException(
                folder,
                $"is of type {config.ModelType}, which has no latent attention: leave out {(form is null ? "--expand-from" : "--mla")}");
        }
    }

    /// <summary>The tokens of a prompt, with those that the tokenizer adds.</summary>
    /// <exception cref="CheckpointException">One of them is beyond the model's vocabulary.</exception>
    internal static ImmutableArray<int> EncodePrompt(TextTokenizer tokenizer, ModelConfig config, string folder, string prompt)
    {
        ImmutableArray<int> tokens = tokenizer.EncodePrompt(prompt);
        return tokenizer.Refusal(tokens.AsSpan(), config.VocabularySize) is { } refusal
            ? throw new CheckpointException(folder, refusal) : tokens;
    }

    /// <summary>Parses the number that an option was given, or says what was expected.</summary>
    internal static T ParseNumber<T>(ArgumentResult result, Func<T, bool> allowed, string expected) where T : struct, IParsable<T>
    {
        string text = result.Tokens[0].Value;
        if (T.TryParse(text, CultureInfo.InvariantCulture, out T value) && allowed(value))
        {
            return value;
        }

        result.AddError($"{((OptionResult)result.Parent!).Option.Name} is '{text}', not {expected}.");
        return default;
    }

    private static int Guard(ParseResult result, Func<int> body)
    {
        try
        {
            return body();
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (Exception e) when (e is CheckpointException or ChatTemplateException or ComputeException or NotFiniteException)
        {
            result.InvocationConfiguration.Error.WriteLine($"{e.GetType().Name}: {e.Message}");
            return UserError;
        }
    }
}
