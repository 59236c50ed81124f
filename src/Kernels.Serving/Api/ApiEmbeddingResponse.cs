using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

internal sealed record ApiEmbeddingResponse(string Object, ApiEmbedding[] Data, string Model, ApiEmbeddingUsage Usage);
