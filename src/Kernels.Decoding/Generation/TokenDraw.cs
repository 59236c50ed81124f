namespace Kernels.Decoding;

/// <summary>How a token is drawn on the device from a row of logits: what <c>draw_tokens</c> takes.</summary>
/// <param name="Scale">1 / temperature; 0 takes the likeliest token.</param>
/// <param name="TopK">Only so many of the likeliest; 0 for all.</param>
/// <param name="TopP">Only the likeliest that reach this probability together, times 2³²; 0 for all.</param>
/// <param name="MinP">Only those of at least this part of the likeliest one's probability.</param>
/// <param name="Uniform">What is drawn, from 0 (inclusive) to 1 (exclusive), times 2³².</param>
internal readonly record struct TokenDraw(float Scale, int TopK, uint TopP, float MinP, uint Uniform)
{
    /// <summary>32-bit words of one.</summary>
    public const int Words = 5;

    /// <summary>The likeliest token.</summary>
    public static TokenDraw Greedy => default;

    /// <summary>Writes it as the kernel reads it.</summary>
    public void Write(Span<int> words)
    {
        words[0] = BitConverter.SingleToInt32Bits(Scale);
        words[1] = TopK;
        words[2] = unchecked((int)TopP);
        words[3] = BitConverter.SingleToInt32Bits(MinP);
        words[4] = unchecked((int)Uniform);
    }
}
