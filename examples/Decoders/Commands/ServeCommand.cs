using System.CommandLine;
using System.Globalization;
using Kernels.OpenCL;

namespace Decoders;

/// <summary>Serves a model over HTTP.</summary>
internal static class ServeCommand
{
    private const int DefaultContext = 2048;

    public static Command Create()
    {
        Option<string> model = CommandRunner.ModelOption();
        Option<string?> device = CommandRunner.DeviceOption();
        var urls = new Option<string>("--urls")
        {
            Description =
                "Where to listen, addresses separated by semicolons. Whoever reaches them is answered: there is no authentication.",
            HelpName = "http://HOST:PORT",
            DefaultValueFactory = _ => ServerOptions.DefaultUrls,
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!text.Split(';')
                    .All(url => Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) && uri is { Scheme: "http", PathAndQuery: "/" }))
                {
                    result.AddError($"--urls is '{text}', not addresses of the form http://HOST:PORT.");
                }

                return text;
            },
        };
        Option<int> context = EngineArguments.Count(
            "--context", "The most tokens of a prompt and its continuation, within the model's own limit.", DefaultContext);
        Option<int> queue = EngineArguments.Count(
            "--queue", "Requests that may wait; further ones are refused.", new EngineOptions().QueueLimit);
        Option<int> maxTokens = EngineArguments.Count(
            "--max-tokens", "The most tokens that a request may ask for.", new ServerOptions().MaxTokens);
        var alias = new Option<string[]>("--alias")
        {
            Description = "A further name that requests may call the model by; several times for several.",
            HelpName = "NAME",
        };
        var engine = new EngineArguments();
        var command = new Command("serve", "Serves a model over HTTP, in the form of OpenAI's API.")
        {
            model,
            urls,
            context,
            queue,
            maxTokens,
            alias,
        };
        engine.AddTo(command);
        command.Add(device);
        command.SetBody((result, output, cancellation) =>
        {
            string folder = result.GetRequiredValue(model);
            ModelConfig config = ModelConfig.Load(folder);
            engine.CheckModel(result, config, folder);
            TextTokenizer tokenizer = TextTokenizer.Load(folder);
            ChatTemplate template = ChatTemplate.Load(folder) ?? ChatTemplate.Plain;
            using ComputeDevice opened = engine.OpenDevice(result, result.GetValue(device));
            GenerationDefaults defaults = GenerationDefaults.Load(folder);
            EmbeddingPooling pooling = DecoderEmbedder.PoolingOf(folder);
            using DecodingEngine started = CommandRunner.WithStatus(
                $"Loading {folder} on {opened}",
                _ => engine.Start(
                    result, opened, folder, tokenizer, Math.Min(result.GetValue(context), config.ContextLimit), result.GetValue(queue)));
            engine.WriteChoices(result, started.AttentionKernels, output);
            var options = new ServerOptions
            {
                Aliases = [.. ModelNames.All(folder).Concat(result.GetValue(alias) ?? [])],
                Urls = result.GetRequiredValue(urls),
                MaxTokens = result.GetValue(maxTokens),
            };
            using var served = new LanguageModel(started, tokenizer, ModelNames.Of(folder))
            {
                Sampling = defaults.ToOptions(),
                Template = template,
                Embedder = new DecoderEmbedder(started, pooling),
            };
            return ServeAsync(served, options, output, result.InvocationConfiguration.Error, cancellation).GetAwaiter().GetResult();
        });
        return command;
    }

    private static async Task<int> ServeAsync(
        LanguageModel model, ServerOptions options, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        DecoderServer server;
        try
        {
            server = await DecoderServer.StartAsync(model, options, cancellation);
        }
        catch (IOException e)
        {
            error.WriteLine(e.Message);
            return CommandRunner.UserError;
        }

        await using (server)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Serving {model.Name} on {string.Join(", ", server.Addresses)}, with a context of {model.Engine.MaxContext} tokens."));
            output.Flush();
            await server.WaitAsync(cancellation);
        }

        return 0;
    }
}
