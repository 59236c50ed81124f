using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.Extensions.AI;

namespace Kernels.Decoding;

/// <summary>Turns texts into vectors through Microsoft.Extensions.AI. Thread-safe.</summary>
public sealed class KernelsEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly ITextEmbedder embedder;
    private readonly Func<string, ImmutableArray<int>> encode;
    private readonly EmbeddingGeneratorMetadata metadata;
    private readonly IDisposable? owned;

    /// <param name="model">The model; it must outlive the generator.</param>
    public KernelsEmbeddingGenerator(LanguageModel model)
        : this(model, ownsModel: false)
    {
    }

    /// <param name="model">The model.</param>
    /// <param name="ownsModel">Whether the model is disposed of with the generator; else it must outlive it.</param>
    public KernelsEmbeddingGenerator(LanguageModel model, bool ownsModel)
        : this(
            (model ?? throw new ArgumentNullException(nameof(model))).Embedder, text => model.Tokenizer.EncodePrompt(text), model.Name) =>
        owned = ownsModel ? model : null;

    /// <param name="embedder">What makes the vectors; it must outlive the generator.</param>
    /// <param name="encode">The tokens of a text.</param>
    /// <param name="modelName">The model's name.</param>
    public KernelsEmbeddingGenerator(ITextEmbedder embedder, Func<string, ImmutableArray<int>> encode, string modelName)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        ArgumentNullException.ThrowIfNull(encode);
        this.embedder = embedder;
        this.encode = encode;
        metadata = new EmbeddingGeneratorMetadata("kernels", defaultModelId: modelName, defaultModelDimensions: embedder.Dimensions);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Another model or number of dimensions was asked for.</exception>
    /// <exception cref="ArgumentException">A text is empty or longer than the context.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        string name = metadata.DefaultModelId!;
        if (options?.ModelId is { } id && id != name)
        {
            throw new NotSupportedException($"EmbeddingGenerationOptions.ModelId is not supported: only '{name}' is here.");
        }

        if (options?.Dimensions is { } dimensions && dimensions != embedder.Dimensions)
        {
            throw new NotSupportedException($"EmbeddingGenerationOptions.Dimensions is not supported: vectors have {embedder.Dimensions}.");
        }

        long began = Stopwatch.GetTimestamp();
        Activity? activity = Telemetry.Start(Telemetry.Embeddings, name);
        long tokens = 0;
        Exception? error = null;
        try
        {
            var result = new GeneratedEmbeddings<Embedding<float>>();
            foreach (string value in values)
            {
                ImmutableArray<int> text = encode(value);
                float[] vector = await embedder.EmbedAsync(text, cancellationToken).ConfigureAwait(false);
                tokens += text.Length;
                result.Add(new Embedding<float>(vector) { ModelId = name, CreatedAt = DateTimeOffset.UtcNow });
            }

            result.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
            return result;
        }
        catch (Exception e)
        {
            error = e;
            throw;
        }
        finally
        {
            Telemetry.End(activity, began, Telemetry.Embeddings, name, tokens, output: null, finish: null, error);
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? metadata
            : serviceType.IsInstanceOfType(embedder) ? embedder
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <inheritdoc/>
    public void Dispose() => owned?.Dispose();
}
