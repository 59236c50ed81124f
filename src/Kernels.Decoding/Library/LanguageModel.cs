using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Kernels.OpenCL;

namespace Kernels.Decoding;

/// <summary>
/// A language model of a checkpoint folder, ready to use: the device, the decoder, its tokenizer and an engine that runs many requests at
/// once. Thread-safe.
/// </summary>
/// <example>
/// <code>
/// using var model = LanguageModel.Load("checkpoints/stories-gqa");
/// await foreach (string piece in model.GenerateAsync("One morning Mia"))
/// {
///     Console.Write(piece);
/// }
/// </code>
/// </example>
public sealed class LanguageModel : IDisposable
{
    private readonly ComputeDevice? owned;
    private readonly bool ownsEngine;

    private LanguageModel(DecodingEngine engine, TextTokenizer tokenizer, string name, ComputeDevice? owned, bool ownsEngine)
    {
        Engine = engine;
        Tokenizer = tokenizer;
        Name = name;
        Embedder = new DecoderEmbedder(engine);
        this.owned = owned;
        this.ownsEngine = ownsEngine;
    }

    /// <summary>A model whose engine the caller has made, and keeps.</summary>
    /// <param name="engine">The engine; it must outlive the model.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="name">The model's name.</param>
    public LanguageModel(DecodingEngine engine, TextTokenizer tokenizer, string name)
        : this(
            engine ?? throw new ArgumentNullException(nameof(engine)), tokenizer ?? throw new ArgumentNullException(nameof(tokenizer)),
            name ?? throw new ArgumentNullException(nameof(name)), owned: null, ownsEngine: false)
    {
    }

    /// <summary>The engine, for requests with everything that it can do.</summary>
    public DecodingEngine Engine { get; }

    /// <summary>The tokenizer.</summary>
    public TextTokenizer Tokenizer { get; }

    /// <summary>The model's name.</summary>
    public string Name { get; }

    /// <summary>The model.</summary>
    public ModelConfig Config => Engine.Config;

    /// <summary>
    /// How tokens are drawn where a request does not say: as the checkpoint's <c>generation_config.json</c> does, else at temperature 1.
    /// </summary>
    public SamplingOptions Sampling { get; init; } = new GenerationDefaults().ToOptions();

    /// <summary>Turns texts into vectors.</summary>
    public ITextEmbedder Embedder { get; init; }

    /// <summary>Writes chats as prompts: the checkpoint's own template.</summary>
    public ChatTemplate Template { get; init; } = ChatTemplate.Plain;

    /// <summary>Opens a device, loads the model of a checkpoint folder onto it and starts an engine.</summary>
    /// <param name="folder">The checkpoint: <c>config.json</c>, safetensors and a tokenizer.</param>
    /// <param name="options">How; defaults serve most uses.</param>
    /// <exception cref="CheckpointException">The checkpoint cannot be used; the message says why.</exception>
    /// <exception cref="ComputeException">There is no device, or it cannot hold or run the model.</exception>
    public static LanguageModel Load(string folder, LanguageModelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new LanguageModelOptions();
        ModelConfig config = ModelConfig.Load(folder);
        TextTokenizer tokenizer = TextTokenizer.Load(folder);
        GenerationDefaults defaults = GenerationDefaults.Load(folder);
        ChatTemplate template = ChatTemplate.Load(folder) ?? ChatTemplate.Plain;
        EmbeddingPooling pooling = DecoderEmbedder.PoolingOf(folder);
        ComputeDevice? opened = options.Device is null ? ComputeDevice.Open() : null;
        Decoder? decoder = null;
        try
        {
            string name = options.Name ?? ModelNames.Of(folder);
            int context = Math.Min(options.Context, config.ContextLimit);
            decoder = Decoder.Load(
                opened ?? options.Device!, folder, options.Sequences, context, options.Attention ?? AttentionCatalog.With(CacheKind.Paged));
            EngineOptions engineOptions = options.Engine with
            {
                ModelName = name,
                StepTokens = Math.Max(options.Engine.StepTokens, options.Sequences),
            };
            var engine = new DecodingEngine(decoder, tokenizer, engineOptions);
            return new LanguageModel(engine, tokenizer, name, opened, ownsEngine: true)
            {
                Sampling = defaults.ToOptions(),
                Template = template,
                Embedder = new DecoderEmbedder(engine, pooling),
            };
        }
        catch
        {
            decoder?.Dispose();
            opened?.Dispose();
            throw;
        }
    }

    /// <summary>Continues a text, piece by piece as it comes. To stop reading ends the work.</summary>
    /// <param name="prompt">The text. The token that begins a text is put before it where the model wants one.</param>
    /// <param name="options">How; by default as the model's makers want it.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ArgumentException">The prompt is empty or longer than the context, or an option is outside its range.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was signalled.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed of.</exception>
    /// <exception cref="ComputeException">The device failed.</exception>
    public async IAsyncEnumerable<string> GenerateAsync(
        string prompt, GenerationOptions? options = null, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        GenerationRequest request = CreateRequest(
            Tokenizer.EncodePrompt(prompt ?? throw new ArgumentNullException(nameof(prompt))), options ?? new GenerationOptions());
        long began = Stopwatch.GetTimestamp();
        Activity? activity = Telemetry.Start(Telemetry.TextCompletion, Name, request);
        int tokens = 0;
        string? finish = null;
        Exception? error = null;
        try
        {
            Generation generation = await Engine.SubmitAsync(request, cancellation).ConfigureAwait(false);
            IAsyncEnumerator<GenerationChunk> chunks = generation.ReadAsync(cancellation).GetAsyncEnumerator(cancellation);
            await using (chunks.ConfigureAwait(false))
            {
                while (await Next(chunks).ConfigureAwait(false))
                {
                    GenerationChunk chunk = chunks.Current;
                    tokens += chunk.Token is null ? 0 : 1;
                    if (chunk.Text.Length > 0)
                    {
                        yield return chunk.Text;
                    }

                    // The engine was disposed of under way: half a text must not look like a whole one.
                    ObjectDisposedException.ThrowIf(chunk.Finish == FinishReason.Cancelled, this);
                    finish = chunk.Finish?.ToString().ToLowerInvariant();
                }
            }
        }
        finally
        {
            Telemetry.End(activity, began, Telemetry.TextCompletion, Name, request.Prompt.Length, tokens, finish, error);
        }

        async ValueTask<bool> Next(IAsyncEnumerator<GenerationChunk> chunks)
        {
            try
            {
                return await chunks.MoveNextAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                error = e;
                throw;
            }
        }
    }

    /// <summary>The vector of a text, of length 1.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ArgumentException">The text is empty or longer than the context.</exception>
    public Task<float[]> EmbedAsync(string text, CancellationToken cancellation = default) =>
        Embedder.EmbedAsync(Tokenizer.EncodePrompt(text), cancellation);

    /// <summary>Ends what is under way, and frees the model and, where it was opened here, the device.</summary>
    public void Dispose()
    {
        if (ownsEngine)
        {
            Engine.Dispose();
        }

        owned?.Dispose();
    }

    /// <summary>What a prompt and options ask of the engine.</summary>
    /// <exception cref="ArgumentException">The prompt is empty or longer than the context.</exception>
    internal GenerationRequest CreateRequest(ImmutableArray<int> prompt, GenerationOptions options)
    {
        int room = Engine.MaxContext - prompt.Length + 1;
        if (room < 1)
        {
            throw new ArgumentException($"The prompt has {prompt.Length} tokens; the context has {Engine.MaxContext}.", nameof(prompt));
        }

        return new GenerationRequest(prompt, options.MaxTokens ?? room)
        {
            Sampling = options.Sampling ?? Sampling,
            Stop = options.Stop,
            StopTokens = options.StopTokens,
            IgnoreEnd = options.IgnoreEnd,
            Mask = options.Format is { } grammar ? () => new JsonTokenMask(Tokenizer, grammar) : null,
        };
    }
}
