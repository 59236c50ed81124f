using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kernels.Serving;

/// <summary>
/// Serves a model over HTTP by itself, in the form of OpenAI's API: see <see cref="KernelsEndpoints.MapKernelsOpenAI"/>. There is no
/// authentication: whoever reaches the address is answered. Pages of other sites are not (no CORS).
/// </summary>
public sealed class DecoderServer : IAsyncDisposable
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);

    private readonly WebApplication application;

    private DecoderServer(WebApplication application) => this.application = application;

    /// <summary>The addresses that are listened on.</summary>
    public IReadOnlyCollection<string> Addresses => [.. application.Urls];

    /// <summary>Starts to listen.</summary>
    /// <param name="model">The model; it must outlive the server.</param>
    /// <param name="options">Where to listen and what to allow.</param>
    /// <param name="cancellation">Gives up the start.</param>
    /// <exception cref="IOException">An address cannot be listened on.</exception>
    public static async Task<DecoderServer> StartAsync(
        LanguageModel model, ServerOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ServerOptions();
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });

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

        // Of paths that are not mapped too.
        application.Use(KernelsEndpoints.AnswerErrors);
        application.MapKernelsOpenAI(model, options);
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
}
