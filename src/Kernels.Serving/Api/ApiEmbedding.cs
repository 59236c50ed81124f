using System.Text.Json.Nodes;

namespace Kernels.Serving;

/// <summary>A vector: a list of numbers, or their bytes as base64.</summary>
internal sealed record ApiEmbedding(string Object, int Index, JsonNode Embedding);
