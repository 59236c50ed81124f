using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

/// <summary>A vector: a list of numbers, or their bytes as base64.</summary>
internal sealed record ApiEmbedding(string Object, int Index, JsonNode Embedding);
