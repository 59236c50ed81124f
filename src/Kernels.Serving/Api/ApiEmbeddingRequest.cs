using System.Text.Json;

namespace Kernels.Serving;

internal sealed record ApiEmbeddingRequest
{
    public string? Model { get; init; }

    /// <summary>A text, a list of token ids, or a list of texts or of such lists.</summary>
    public JsonElement? Input { get; init; }

    public string? EncodingFormat { get; init; }

    public int? Dimensions { get; init; }
}
