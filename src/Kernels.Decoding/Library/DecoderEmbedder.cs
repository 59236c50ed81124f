using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>
/// Turns texts into vectors with a decoder: those that its final norm gives, pooled. Runs in an engine, beside what else it does.
/// </summary>
/// <param name="engine">The engine; it must outlive the embedder.</param>
/// <param name="pooling">How the vectors of a text's tokens become one.</param>
public sealed class DecoderEmbedder(DecodingEngine engine, EmbeddingPooling pooling = EmbeddingPooling.Mean) : ITextEmbedder
{
    /// <summary>How the vectors of a text's tokens become one.</summary>
    public EmbeddingPooling Pooling => pooling;

    /// <inheritdoc/>
    public int Dimensions => engine.Config.HiddenSize;

    /// <inheritdoc/>
    public int MaxTokens => engine.MaxContext;

    /// <summary>The pooling that a checkpoint folder asks for in <c>1_Pooling/config.json</c>; the mean where it asks for none.</summary>
    /// <exception cref="CheckpointException">It asks for another one.</exception>
    public static EmbeddingPooling PoolingOf(string folder)
    {
        string path = Path.Combine(folder, "1_Pooling", "config.json");
        if (!File.Exists(path))
        {
            return EmbeddingPooling.Mean;
        }

        using JsonDocument document = JsonFile.Open(path);
        var json = new ConfigReader(path, document.RootElement);
        return json.Flag("pooling_mode_lasttoken", false) ? EmbeddingPooling.LastToken
            : json.Flag("pooling_mode_mean_tokens", false) ? EmbeddingPooling.Mean
            : throw new CheckpointException(
                path, "pools neither by the mean nor by the last token, which alone are supported for decoders");
    }

    /// <inheritdoc/>
    public float[] Embed(ReadOnlySpan<int> tokens) => EmbedAsync([.. tokens]).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public async Task<float[]> EmbedAsync(ImmutableArray<int> tokens, CancellationToken cancellation = default) =>
        (await engine.EmbedAsync(tokens, pooling, wait: true, cancellation).ConfigureAwait(false))!;

    /// <inheritdoc/>
    public Task<float[]?> TryEmbedAsync(ImmutableArray<int> tokens, CancellationToken cancellation = default) =>
        engine.EmbedAsync(tokens, pooling, wait: false, cancellation);
}
