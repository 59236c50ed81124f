namespace Kernels.Decoding;

/// <summary>WordPiece: from the left the longest token that there is, those that do not begin a word with a prefix.</summary>
/// <param name="vocabulary">Ids by token.</param>
/// <param name="unknown">The token for a word that cannot be written.</param>
/// <param name="prefix">What tokens that do not begin a word have before them.</param>
/// <param name="maxCharacters">Longer words are unknown.</param>
internal sealed class WordPieceModel(Dictionary<string, int> vocabulary, string unknown, string prefix, int maxCharacters)
    : TokenModel(vocabulary)
{
    private readonly int longest = vocabulary.Keys.Select(token => token.Length).DefaultIfEmpty(0).Max();

    public override void Encode(string word, List<int> ids)
    {
        int begin = ids.Count;
        if (word.EnumerateRunes().Count() <= maxCharacters && TryEncode(word, ids))
        {
            return;
        }

        ids.RemoveRange(begin, ids.Count - begin);
        ids.Add(Vocabulary.TryGetValue(unknown, out int id) ? id : throw Unknown(word));
    }

    private bool TryEncode(string word, List<int> ids)
    {
        for (int start = 0; start < word.Length;)
        {
            int end = (int)Math.Min(word.Length, (long)start + longest);
            int id = -1;
            for (; end > start; end--)
            {
                bool isHalf = end < word.Length && char.IsLowSurrogate(word[end]);
                if (!isHalf && Vocabulary.TryGetValue((start > 0 ? prefix : "") + word[start..end], out id))
                {
                    break;
                }
            }

            if (end == start)
            {
                return false;
            }

            ids.Add(id);
            start = end;
        }

        return true;
    }
}
