namespace Kernels.Decoding;

/// <summary>Turns words into token ids. Thread-safe.</summary>
/// <param name="vocabulary">Ids by token.</param>
internal abstract class TokenModel(Dictionary<string, int> vocabulary)
{
    /// <summary>Ids by token, without tokens that were added to the vocabulary.</summary>
    public Dictionary<string, int> Vocabulary { get; } = vocabulary;

    /// <summary>Appends the ids of a word that is not empty.</summary>
    /// <exception cref="InvalidDataException">There is no token for a part of it, and none for what is unknown.</exception>
    public abstract void Encode(string word, List<int> ids);

    /// <summary>The ids of the 256 bytes in a vocabulary that falls back to them; −1 for one that is not there.</summary>
    protected static int[] ByteIds(Dictionary<string, int> vocabulary) =>
        [.. Enumerable.Range(0, 256).Select(value => vocabulary.GetValueOrDefault($"<0x{value:X2}>", -1))];

    /// <summary>Appends the tokens of the bytes of a text, if every one of them has one.</summary>
    protected static bool TryAddBytes(ReadOnlySpan<char> text, int[] byteIds, List<int> ids)
    {
        int length = System.Text.Encoding.UTF8.GetByteCount(text);
        Span<byte> bytes = length <= 64 ? stackalloc byte[length] : new byte[length];
        System.Text.Encoding.UTF8.GetBytes(text, bytes);
        foreach (byte value in bytes)
        {
            if (byteIds[value] < 0)
            {
                return false;
            }
        }

        foreach (byte value in bytes)
        {
            ids.Add(byteIds[value]);
        }

        return true;
    }

    protected static InvalidDataException Unknown(string word) => new(
        $"The vocabulary has no token for a part of '{(word.Length <= 40 ? word : word[..37] + "...")}', and none for what is unknown.");
}
