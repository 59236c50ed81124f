namespace Kernels.Decoding;

/// <summary>A prompt with the logits and the greedy continuation that a reference implementation gives for it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Tokens">The prompt, bos included.</param>
/// <param name="Logits">Reference logits after every token of the prompt, [tokens, vocabulary]; empty if there are none.</param>
/// <param name="Greedy">The reference's greedy continuation.</param>
/// <param name="Text">The text of the continuation; null if there is none.</param>
internal sealed record ReferencePrompt(string Name, int[] Tokens, float[] Logits, int[] Greedy, string? Text = null);
