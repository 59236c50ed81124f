namespace Kernels.Serving;

internal sealed record ApiEmbeddingResponse(string Object, ApiEmbedding[] Data, string Model, ApiEmbeddingUsage Usage);
