using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Kernels.Serving;

/// <summary>What was generated: a text of a completion, a message of a chat, or a piece of one of a streamed chat.</summary>
internal sealed record ApiChoice
{
    public int Index { get; init; }

    public string? Text { get; init; }

    public ApiReply? Message { get; init; }

    public ApiText? Delta { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonObject? Logprobs { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
}
