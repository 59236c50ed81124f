using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kernels.Serving;

/// <summary>
/// Serves an engine over HTTP, in the form of OpenAI's API: <c>/v1/completions</c>, <c>/v1/chat/completions</c>, <c>/v1/models</c>, and
/// <c>/health</c>. There is no authentication: whoever reaches the address is answered.
/// </summary>
public sealed class DecoderServer : IAsyncDisposable
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);

    private readonly WebApplication application;

    private DecoderServer(WebApplication application) => this.application = application;

    /// <summary>The addresses that are listened on.</summary>
    public IReadOnlyCollection<string> Addresses => [.. application.Urls];

    /// <summary>Starts to listen.</summary>
    /// <param name="engine">The engine; it must outlive the server.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="options">What to serve and to allow.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<DecoderServer> StartAsync(
        DecodingEngine engine, TextTokenizer tokenizer, ServerOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });

        // The caller gets a start that fails as an exception.
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.WebHost.UseUrls(options.Urls);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        });
        builder.WebHost.UseShutdownTimeout(ShutdownTimeout);
        WebApplication application = builder.Build();
        Map(application, engine, new RequestReader(engine, tokenizer, options), options);
        var server = new DecoderServer(application);
        try
        {
            await application.StartAsync(cancellation);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends when the process is asked to, or the token is signalled.</summary>
    public Task WaitAsync(CancellationToken cancellation) => application.WaitForShutdownAsync(cancellation);

    /// <summary>Stops listening, and ends what is under way.</summary>
    public ValueTask DisposeAsync() => application.DisposeAsync();

    private static void Map(WebApplication application, DecodingEngine engine, RequestReader reader, ServerOptions options)
    {
        long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        application.Use(AnswerErrors);
        application.MapPost("/v1/completions", new CompletionHandler(engine, reader, options, chat: false).HandleAsync);
        application.MapPost("/v1/chat/completions", new CompletionHandler(engine, reader, options, chat: true).HandleAsync);
        application.MapGet("/v1/models", context => context.Response.WriteAsJsonAsync(
            new ApiModelList("list", [new ApiModel(options.ModelName, "model", created, "local")]), ApiJson.Default.ApiModelList));
        application.MapGet("/health", context =>
        {
            EngineStatistics now = engine.Statistics;
            context.Response.StatusCode = engine.Fault is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return context.Response.WriteAsJsonAsync(
                new ApiHealth(engine.Fault is null ? "ok" : "failed", engine.QueueLength, now.Running, now.PagesFree, now.PagesFree + now.PagesUsed), ApiJson.Default.ApiHealth);
        });
    }

    /// <summary>Gives every error the form that clients of the API expect.</summary>
    private static async Task AnswerErrors(HttpContext context, RequestDelegate next)
    {
        ApiException error;
        try
        {
            await next(context);
            if (context.Response.HasStarted || context.Response.StatusCode is not (StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed))
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

        context.Response.StatusCode = error.Status;
        await context.Response.WriteAsJsonAsync(new ApiErrorResponse(error.Error), ApiJson.Default.ApiErrorResponse);
    }
}
