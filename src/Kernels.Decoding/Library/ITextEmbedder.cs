using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>Turns texts into vectors. Thread-safe.</summary>
public interface ITextEmbedder
{
    /// <summary>Elements of a vector.</summary>
    int Dimensions { get; }

    /// <summary>The most tokens of a text.</summary>
    int MaxTokens { get; }

    /// <summary>The vector of a text, of length 1.</summary>
    /// <param name="tokens">The text's tokens, at least one, with those that begin and end a text.</param>
    /// <exception cref="ArgumentException">There are no tokens, too many, or one that the model has not.</exception>
    float[] Embed(ReadOnlySpan<int> tokens);

    /// <summary>The vector of a text, when its turn has come.</summary>
    /// <param name="tokens">As for <see cref="Embed"/>.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <inheritdoc cref="Embed"/>
    Task<float[]> EmbedAsync(ImmutableArray<int> tokens, CancellationToken cancellation = default) =>
        Task.Run(() => Embed(tokens.AsSpan()), cancellation);

    /// <summary>The vector of a text, unless too many wait already.</summary>
    /// <returns>Null where too many wait.</returns>
    /// <inheritdoc cref="EmbedAsync"/>
    async Task<float[]?> TryEmbedAsync(ImmutableArray<int> tokens, CancellationToken cancellation = default) =>
        await EmbedAsync(tokens, cancellation).ConfigureAwait(false);
}
