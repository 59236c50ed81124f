namespace Kernels.Decoding;

/// <summary>A unigram model: of all ways to write a word as tokens, the one whose scores have the greatest sum.</summary>
internal sealed class UnigramModel : TokenModel
{
    // An unknown character scores this much less than the worst token.
    private const double UnknownPenalty = 10;

    private readonly Dictionary<ulong, int> children = new();
    private readonly List<int> idOf = [-1];
    private readonly double[] scores;
    private readonly double unknownScore;
    private readonly int unknown;
    private readonly int[]? byteIds;

    /// <param name="vocabulary">Ids by token.</param>
    /// <param name="scores">Scores by id.</param>
    /// <param name="unknown">The token for what has none; −1 if there is none.</param>
    /// <param name="byteFallback">Whether an unknown part becomes the tokens of its bytes.</param>
    public UnigramModel(Dictionary<string, int> vocabulary, double[] scores, int unknown, bool byteFallback)
        : base(vocabulary)
    {
        this.scores = scores;
        this.unknown = unknown;
        unknownScore = scores.DefaultIfEmpty(0).Min() - UnknownPenalty;
        byteIds = byteFallback ? ByteIds(vocabulary) : null;
        foreach ((string token, int id) in vocabulary)
        {
            int node = 0;
            foreach (char unit in token)
            {
                ulong key = (ulong)(uint)node << 16 | unit;
                if (!children.TryGetValue(key, out int child))
                {
                    child = idOf.Count;
                    idOf.Add(-1);
                    children.Add(key, child);
                }

                node = child;
            }

            idOf[node] = token.Length > 0 ? id : -1;
        }
    }

    public override void Encode(string word, List<int> ids)
    {
        var best = new Step[word.Length + 1];
        Array.Fill(best, new Step(0, -1, -1));
        for (int start = 0; start < word.Length;)
        {
            int width = char.IsHighSurrogate(word[start]) && start + 1 < word.Length ? 2 : 1;
            double before = best[start].Score;
            bool hasSingle = false;
            int node = 0;
            for (int end = start; end < word.Length && children.TryGetValue((ulong)(uint)node << 16 | word[end], out node);)
            {
                end++;
                if (idOf[node] is >= 0 and int id)
                {
                    Offer(ref best[end], before + scores[id], start, id);
                    hasSingle |= end - start == width;
                }
            }

            if (!hasSingle)
            {
                Offer(ref best[start + width], before + unknownScore, start, -1);
            }

            start += width;
        }

        // From the end back; unknown characters in a row are one part.
        var parts = new List<(int Start, int End, int Id)>();
        for (int end = word.Length; end > 0; end = best[end].Start)
        {
            Step step = best[end];
            bool isUnknown = step.Id < 0 || step.Id == unknown;
            if (isUnknown && parts.Count > 0 && parts[^1].Id < 0)
            {
                parts[^1] = (step.Start, parts[^1].End, -1);
            }
            else
            {
                parts.Add((step.Start, end, isUnknown ? -1 : step.Id));
            }
        }

        for (int i = parts.Count - 1; i >= 0; i--)
        {
            (int start, int end, int id) = parts[i];
            if (id < 0 && !Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word.AsSpan(start, end - start), out id))
            {
                if (byteIds is not null && TryAddBytes(word.AsSpan(start, end - start), byteIds, ids))
                {
                    continue;
                }

                id = unknown >= 0 ? unknown : throw Unknown(word);
            }

            ids.Add(id);
        }
    }

    private static void Offer(ref Step step, double score, int start, int id)
    {
        if (step.Start < 0 || score > step.Score)
        {
            step = new Step(score, start, id);
        }
    }

    private readonly record struct Step(double Score, int Start, int Id);
}
