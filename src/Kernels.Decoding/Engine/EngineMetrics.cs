using System.Diagnostics.Metrics;

namespace Kernels.Decoding;

/// <summary>An engine's figures for <c>dotnet-counters</c>, OpenTelemetry and the like.</summary>
internal sealed class EngineMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Kernels.Decoders";

    private readonly Meter meter = new(MeterName);
    private readonly Counter<long> requests;
    private readonly Counter<long> promptTokens;
    private readonly Counter<long> reusedTokens;
    private readonly Counter<long> generatedTokens;
    private readonly Counter<long> latentTokens;
    private readonly Counter<long> preemptions;
    private readonly Histogram<double> timeToFirstToken;

    public EngineMetrics(Func<int> queueLength, Func<EngineStatistics> statistics)
    {
        requests = meter.CreateCounter<long>("kernels.decoders.requests", "{request}", "Requests that ended, by how.");
        promptTokens = meter.CreateCounter<long>("kernels.decoders.tokens.prompt", "{token}", "Tokens of prompts that were run.");
        reusedTokens = meter.CreateCounter<long>("kernels.decoders.tokens.reused", "{token}", "Tokens whose keys and values were cached.");
        generatedTokens = meter.CreateCounter<long>("kernels.decoders.tokens.generated", "{token}", "Tokens that were generated.");
        latentTokens = meter.CreateCounter<long>("kernels.decoders.tokens.latent", "{token}", "Tokens of latent attention, by the form that it ran in.");
        preemptions = meter.CreateCounter<long>("kernels.decoders.preemptions", "{preemption}", "Sequences that gave their pages up to others.");
        timeToFirstToken = meter.CreateHistogram<double>("kernels.decoders.time_to_first_token", "s", "From a request's arrival to its first token.");
        meter.CreateObservableGauge("kernels.decoders.queue.length", queueLength, "{request}", "Requests that wait for their start.");
        meter.CreateObservableGauge("kernels.decoders.pages.free", () => statistics().PagesFree, "{page}", "Pages that can be had at once.");
    }

    /// <summary>Counts what a step did.</summary>
    public void Step(EngineStatistics before, EngineStatistics after)
    {
        promptTokens.Add(after.PromptTokens - before.PromptTokens);
        reusedTokens.Add(after.ReusedTokens - before.ReusedTokens);
        generatedTokens.Add(after.GeneratedTokens - before.GeneratedTokens);
        AddLatent(after.ExpandedTokens - before.ExpandedTokens, "expanded");
        AddLatent(after.AbsorbedTokens - before.AbsorbedTokens, "absorbed");
        preemptions.Add(after.Preemptions - before.Preemptions);
    }

    /// <summary>Counts a request that ended.</summary>
    /// <param name="sequence">The request.</param>
    /// <param name="outcome">How: the reason in lower case, or "error".</param>
    public void Ended(EngineSequence sequence, string outcome)
    {
        requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        if (sequence.TimeToFirstToken is { } time)
        {
            timeToFirstToken.Record(time.TotalSeconds);
        }
    }

    private void AddLatent(long tokens, string form)
    {
        if (tokens > 0)
        {
            latentTokens.Add(tokens, new KeyValuePair<string, object?>("form", form));
        }
    }

    public void Dispose() => meter.Dispose();
}
