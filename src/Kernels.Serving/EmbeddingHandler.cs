using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Kernels.Serving;

/// <summary>Answers requests for the vectors of texts.</summary>
internal sealed class EmbeddingHandler(LanguageModel model, RequestReader reader)
{
    public async Task HandleAsync(HttpContext context)
    {
        CancellationToken cancellation = context.RequestAborted;
        ApiEmbeddingRequest request = await reader.ReadAsync(context.Request, ApiJson.Default.ApiEmbeddingRequest, cancellation);
        reader.CheckModel(request.Model);
        if (request.EncodingFormat is not (null or "float" or "base64"))
        {
            throw ApiException.BadRequest("'encoding_format' can only be float or base64.", "encoding_format");
        }

        if (request.Dimensions is { } dimensions && dimensions != model.Embedder.Dimensions)
        {
            throw ApiException.BadRequest(
                $"'dimensions' can only be {model.Embedder.Dimensions}, which the model's vectors have.", "dimensions");
        }

        ImmutableArray<int>[] texts = await reader.TokensOfAsync(request.Input, "input", each: 1, cancellation);
        var vectors = new ApiEmbedding[texts.Length];
        for (int i = 0; i < texts.Length; i++)
        {
            float[] vector;
            try
            {
                // The first must find room; the others wait, one at a time.
                vector =
                    (i == 0 ? await model.Embedder.TryEmbedAsync(texts[i], cancellation) : await model.Embedder.EmbedAsync(
                        texts[i], cancellation))
                    ?? throw CompletionHandler.QueueFull(context);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw e is ArgumentException ? ApiException.BadRequest(e.Message, "input") : CompletionHandler.ErrorOf(e);
            }

            vectors[i] = new ApiEmbedding(
                "embedding", i, request.EncodingFormat == "base64" ? Base64(vector) : new JsonArray([.. vector.Select(x => (JsonNode)x)]));
        }

        int tokens = texts.Sum(text => text.Length);
        await context.Response.WriteAsJsonAsync(
            new ApiEmbeddingResponse("list", vectors, model.Name, new ApiEmbeddingUsage(tokens, tokens)),
            ApiJson.Default.ApiEmbeddingResponse, cancellationToken: cancellation);
    }

    private static JsonNode Base64(float[] vector)
    {
        var bytes = new byte[vector.Length * sizeof(float)];
        for (int i = 0; i < vector.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
        }

        return Convert.ToBase64String(bytes);
    }
}
