namespace Kernels.Decoding;

/// <summary>
/// Turns tokens into text as they arrive: whole characters only, and together the text that <see cref="TextTokenizer.Decode"/> gives.
/// A character whose bytes are split over tokens comes out with its last one.
/// </summary>
public sealed class TokenStream
{
    private readonly TextTokenizer tokenizer;
    private readonly bool keepsSpecial;
    private readonly PieceDecoder.Sink sink = new();
    private PieceDecoder.Stream stream;

    internal TokenStream(TextTokenizer tokenizer, bool keepsSpecial)
    {
        this.tokenizer = tokenizer;
        this.keepsSpecial = keepsSpecial;
        stream = tokenizer.BeginDecoding(sink);
    }

    /// <summary>The characters that this token completes; often its text, sometimes empty. An id without a token is passed over.</summary>
    public string Push(int id)
    {
        if (tokenizer.Token(id) is { } token && (keepsSpecial || !tokenizer.IsSpecial(id)))
        {
            stream.Push(token);
        }

        return sink.Take();
    }

    /// <summary>Ends the text: what is left of an incomplete character becomes U+FFFD. What is pushed then begins another text.</summary>
    public string Flush()
    {
        stream.Flush();
        stream = tokenizer.BeginDecoding(sink);
        return sink.Take();
    }
}
