using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Kernels.Decoding;

/// <summary>
/// An engine's figures for <c>dotnet-counters</c>, OpenTelemetry and the like: its own, and those of a model server by OpenTelemetry's
/// conventions for generative AI.
/// </summary>
internal sealed class EngineMetrics : IDisposable
{
    private readonly Meter meter = new(Telemetry.Name);
    private readonly string model;
    private readonly Counter<long> requests;
    private readonly Counter<long> promptTokens;
    private readonly Counter<long> reusedTokens;
    private readonly Counter<long> generatedTokens;
    private readonly Counter<long> latentTokens;
    private readonly Counter<long> preemptions;
    private readonly Histogram<double> duration;
    private readonly Histogram<double> timeToFirstToken;
    private readonly Histogram<double> timePerOutputToken;

    public EngineMetrics(string model, Func<int> queueLength, Func<EngineStatistics> statistics)
    {
        this.model = model;
        requests = meter.CreateCounter<long>("kernels.decoding.requests", "{request}", "Requests that ended, by how.");
        promptTokens = meter.CreateCounter<long>("kernels.decoding.tokens.prompt", "{token}", "Tokens of prompts that were run.");
        reusedTokens = meter.CreateCounter<long>("kernels.decoding.tokens.reused", "{token}", "Tokens whose keys and values were cached.");
        generatedTokens = meter.CreateCounter<long>("kernels.decoding.tokens.generated", "{token}", "Tokens that were generated.");
        latentTokens = meter.CreateCounter<long>(
            "kernels.decoding.tokens.latent", "{token}", "Tokens of latent attention, by the form that it ran in.");
        preemptions = meter.CreateCounter<long>(
            "kernels.decoding.preemptions", "{preemption}", "Sequences that gave their pages up to others.");
        duration = Telemetry.Seconds(meter, "gen_ai.server.request.duration", "From a request's arrival to its end.");
        timeToFirstToken = Telemetry.Seconds(meter, "gen_ai.server.time_to_first_token", "From a request's arrival to its first token.");
        timePerOutputToken = Telemetry.Seconds(
            meter, "gen_ai.server.time_per_output_token", "Of each token after the first, on average over a request.");
        meter.CreateObservableGauge("kernels.decoding.queue.length", queueLength, "{request}", "Requests that wait for their start.");
        meter.CreateObservableGauge(
            "kernels.decoding.pages.free", () => statistics().PagesFree, "{page}", "Pages that can be had at once.");
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
    /// <param name="error">The error, if it ended with one.</param>
    public void Ended(EngineSequence sequence, string outcome, Exception? error)
    {
        requests.Add(1, new KeyValuePair<string, object?>("outcome", outcome));
        TagList tags = Telemetry.Tags(sequence.Embedding is null ? sequence.Request.Operation : Telemetry.Embeddings, model, error);
        TimeSpan age = sequence.Age;
        duration.Record(age.TotalSeconds, tags);
        if (sequence.TimeToFirstToken is { } time)
        {
            timeToFirstToken.Record(time.TotalSeconds, tags);
            if (sequence.Generated > 1)
            {
                timePerOutputToken.Record((age - time).TotalSeconds / (sequence.Generated - 1), tags);
            }
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
