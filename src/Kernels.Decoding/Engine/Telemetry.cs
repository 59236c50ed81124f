using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Kernels.Decoding;

/// <summary>Names for meters and traces, by OpenTelemetry's conventions for generative AI.</summary>
internal static class Telemetry
{
    /// <summary>The name of the meter and of the source of activities.</summary>
    public const string Name = "Kernels.Decoding";

    public const string Chat = "chat";
    public const string TextCompletion = "text_completion";
    public const string Embeddings = "embeddings";

    // The conventions' boundaries for times, in seconds.
    private static readonly InstrumentAdvice<double> SecondsAdvice =
        new() { HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92] };

    private static readonly InstrumentAdvice<long> TokensAdvice =
        new() { HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864] };

    private static readonly Meter Meter = new(Name);
    private static readonly ActivitySource Source = new(Name);

    private static readonly Histogram<long> TokenUsage =
        Meter.CreateHistogram("gen_ai.client.token.usage", "{token}", "Tokens of prompts and replies.", tags: null, TokensAdvice);

    private static readonly Histogram<double> Duration = Seconds(Meter, "gen_ai.client.operation.duration", "From a call to its end.");

    public static Histogram<double> Seconds(Meter meter, string name, string description) =>
        meter.CreateHistogram(name, "s", description, tags: null, SecondsAdvice);

    /// <summary>What every figure is told with.</summary>
    public static TagList Tags(string operation, string model, Exception? error)
    {
        var tags = new TagList
        {
            { "gen_ai.operation.name", operation },
            { "gen_ai.provider.name", "kernels" },
            { "gen_ai.request.model", model },
            { "gen_ai.response.model", model },
        };
        if (error is not null)
        {
            tags.Add("error.type", error is OperationCanceledException ? "cancelled" : error.GetType().FullName);
        }

        return tags;
    }

    /// <summary>Begins a call, which may be traced.</summary>
    public static Activity? Start(string operation, string model, GenerationRequest? request = null)
    {
        Activity? activity = Source.StartActivity($"{operation} {model}", ActivityKind.Client);
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("gen_ai.operation.name", operation).SetTag("gen_ai.provider.name", "kernels")
                .SetTag("gen_ai.request.model", model);
            if (request is not null)
            {
                activity.SetTag("gen_ai.request.max_tokens", request.MaxTokens)
                    .SetTag("gen_ai.request.temperature", request.Sampling.Temperature)
                    .SetTag("gen_ai.request.top_p", request.Sampling.TopP)
                    .SetTag("gen_ai.request.top_k", request.Sampling.TopK)
                    .SetTag("gen_ai.request.seed", request.Sampling.Seed)
                    .SetTag("gen_ai.request.frequency_penalty", request.Sampling.FrequencyPenalty)
                    .SetTag("gen_ai.request.presence_penalty", request.Sampling.PresencePenalty);
            }
        }

        return activity;
    }

    /// <summary>Ends a call.</summary>
    /// <param name="activity">Its trace, if there is one.</param>
    /// <param name="began">When it began, by <see cref="Stopwatch"/>.</param>
    /// <param name="operation">What was called.</param>
    /// <param name="model">The model.</param>
    /// <param name="input">Tokens of the prompt.</param>
    /// <param name="output">Tokens of the reply; null where there is none.</param>
    /// <param name="finish">Why it ended.</param>
    /// <param name="error">The error that it ended with.</param>
    public static void End(
        Activity? activity, long began, string operation, string model, long input, long? output, string? finish, Exception? error)
    {
        TagList tags = Tags(operation, model, error);
        Duration.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, tags);
        TokenUsage.Record(input, [.. tags, new("gen_ai.token.type", "input")]);
        if (output is { } tokens)
        {
            TokenUsage.Record(tokens, [.. tags, new("gen_ai.token.type", "output")]);
        }

        if (activity is null)
        {
            return;
        }

        activity.SetTag("gen_ai.response.model", model).SetTag("gen_ai.usage.input_tokens", input);
        if (output is not null)
        {
            activity.SetTag("gen_ai.usage.output_tokens", output);
        }

        if (finish is not null)
        {
            activity.SetTag("gen_ai.response.finish_reasons", new[] { finish });
        }

        if (error is not null)
        {
            activity.SetTag("error.type", error.GetType().FullName).SetStatus(ActivityStatusCode.Error, error.Message);
        }

        activity.Dispose();
    }
}
