namespace Kernels.Decoding;

/// <summary>A text with the last hidden states that a reference implementation of an encoder gives for it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Tokens">The text.</param>
/// <param name="Hidden">The last hidden states, [tokens, hidden].</param>
internal sealed record ReferenceText(string Name, int[] Tokens, float[] Hidden);
