namespace Kernels.Decoding;

/// <summary>
/// Guesses the next tokens without a model: what followed when the last few tokens stood in the text before. Good where a text
/// repeats itself or its prompt, as in summaries and edits.
/// </summary>
internal static class PromptLookup
{
    private const int LongestMatch = 3;
    private const int ShortestMatch = 2;

    /// <summary>The tokens that may come next, at most <paramref name="count"/>; often none.</summary>
    public static ReadOnlySpan<int> Draft(ReadOnlySpan<int> tokens, int count)
    {
        for (int length = LongestMatch; length >= ShortestMatch && count > 0; length--)
        {
            if (tokens.Length <= length)
            {
                continue;
            }

            // The latest place but the end itself.
            int match = tokens[..^1].LastIndexOf(tokens[^length..]);
            if (match >= 0)
            {
                ReadOnlySpan<int> following = tokens[(match + length)..];
                return following[..Math.Min(count, following.Length)];
            }
        }

        return [];
    }
}
