using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Kernels.Serving;

/// <summary>Puts OpenAI's API into an ASP.NET application.</summary>
public static class KernelsEndpoints
{
    /// <summary>
    /// Maps <c>/v1/completions</c>, <c>/v1/chat/completions</c>, <c>/v1/embeddings</c>, <c>/v1/models</c> and <c>/health</c>.
    /// Authentication, CORS and where to listen are the application's.
    /// </summary>
    /// <param name="endpoints">The application, or a group of its routes.</param>
    /// <param name="model">The model; it must outlive the application.</param>
    /// <param name="options">What to allow.</param>
    /// <returns>The endpoints, to require authorization of them and the like.</returns>
    /// <example><code>app.MapKernelsOpenAI(LanguageModel.Load("checkpoints/stories-gqa"));</code></example>
    public static RouteGroupBuilder MapKernelsOpenAI(
        this IEndpointRouteBuilder endpoints, LanguageModel model, ServerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ServerOptions();
        long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var reader = new RequestReader(model, options);
        RouteGroupBuilder group = endpoints.MapGroup("");
        Post("/v1/completions", new CompletionHandler(model, reader, chat: false).HandleAsync);
        Post("/v1/chat/completions", new CompletionHandler(model, reader, chat: true).HandleAsync);
        Post("/v1/embeddings", new EmbeddingHandler(model, reader).HandleAsync);
        Get("/v1/models", context => context.Response.WriteAsJsonAsync(
            new ApiModelList("list", [.. options.Aliases.Prepend(model.Name).Distinct(StringComparer.Ordinal).Select(Model)]),
            ApiJson.Default.ApiModelList));
        Get("/v1/models/{**id}", context =>
        {
            string name = Uri.UnescapeDataString((string)context.Request.RouteValues["id"]!);
            reader.CheckModel(name);
            return context.Response.WriteAsJsonAsync(Model(name), ApiJson.Default.ApiModel);
        });
        Get("/health", context =>
        {
            DecodingEngine engine = model.Engine;
            EngineStatistics now = engine.Statistics;
            context.Response.StatusCode = engine.Fault is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return context.Response.WriteAsJsonAsync(
                new ApiHealth(
                    engine.Fault is null ? "ok" : "failed", engine.QueueLength, now.Running, now.PagesFree, now.PagesFree + now.PagesUsed),
                        ApiJson.Default.ApiHealth);
        });
        return group;

        ApiModel Model(string id) => new(id, "model", created, "local");

        void Post(string path, RequestDelegate answer) => group.MapPost(path, (RequestDelegate)(context => AnswerErrors(context, answer)));

        void Get(string path, RequestDelegate answer) => group.MapGet(path, (RequestDelegate)(context => AnswerErrors(context, answer)));
    }

    /// <summary>Gives every error the form that clients of the API expect.</summary>
    internal static async Task AnswerErrors(HttpContext context, RequestDelegate next)
    {
        ApiException error;
        try
        {
            await next(context);
            if (context.Response.HasStarted
                || context.Response.StatusCode is not (StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed))
            {
                return;
            }

            error = new ApiException(context.Response.StatusCode, $"There is no {context.Request.Method} {context.Request.Path} here.");
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return;
        }
        catch (ApiException e)
        {
            error = e;
        }
        catch (BadHttpRequestException e)
        {
            error = new ApiException(e.StatusCode, e.Message);
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            error = new ApiException(StatusCodes.Status500InternalServerError, e.Message);
        }

        if (!context.Response.HasStarted)
        {
            context.Response.StatusCode = error.Status;
            await context.Response.WriteAsJsonAsync(new ApiErrorResponse(error.Error), ApiJson.Default.ApiErrorResponse);
        }
    }
}
