using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>What a tokenizer is put together from.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Model">Turns words into ids.</param>
internal sealed record TokenizerParts(string Path, TokenModel Model)
{
    public TextNormalizer? Normalizer { get; init; }

    public PreTokenizer? PreTokenizer { get; init; }

    public ImmutableArray<PieceDecoder> Decoders { get; init; } = [];

    public ImmutableArray<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>The ids that begin every prompt.</summary>
    public ImmutableArray<int> Before { get; init; } = [];

    /// <summary>The ids that end every prompt.</summary>
    public ImmutableArray<int> After { get; init; } = [];

    /// <summary>The token that begins texts, whether it is put before prompts or not.</summary>
    public int? BeginId { get; init; }

    /// <summary>The token that ends texts.</summary>
    public int? EndId { get; init; }

    /// <summary>The id of a token's text: of an added token, or of the vocabulary.</summary>
    public int? IdOf(string token) =>
        AddedTokens.LastOrDefault(added => added.Content == token)?.Id ?? (Model.Vocabulary.TryGetValue(token, out int id) ? id : null);
}
