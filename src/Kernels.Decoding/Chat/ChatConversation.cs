using System.Collections.Immutable;
using System.Text.Json;

namespace Kernels.Decoding;

/// <summary>A chat to be written with a model's template.</summary>
/// <param name="Messages">The messages, first to last.</param>
public sealed record ChatConversation(IReadOnlyList<ChatTurn> Messages)
{
    /// <summary>The tools that the model may call, a JSON array as the OpenAI API has it; null where there are none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Documents to answer from, a JSON array of objects, for templates that have them; null where there are none.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>Whether the text ends with what begins a reply.</summary>
    public bool AddGenerationPrompt { get; init; } = true;

    /// <summary>
    /// Further variables of the template, such as <c>enable_thinking</c>; they come before those of this record and the tokenizer's.
    /// </summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = ImmutableDictionary<string, JsonElement>.Empty;

    /// <summary>The date and time that a template is told that asks for it; null for now.</summary>
    public DateTime? Date { get; init; }
}
