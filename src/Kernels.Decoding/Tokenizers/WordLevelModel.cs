namespace Kernels.Decoding;

/// <summary>Whole words only.</summary>
/// <param name="vocabulary">Ids by token.</param>
/// <param name="unknown">The token for any other word.</param>
internal sealed class WordLevelModel(Dictionary<string, int> vocabulary, string unknown) : TokenModel(vocabulary)
{
    public override void Encode(string word, List<int> ids) =>
        ids.Add(Vocabulary.TryGetValue(word, out int id) || Vocabulary.TryGetValue(unknown, out id) ? id : throw Unknown(word));
}
