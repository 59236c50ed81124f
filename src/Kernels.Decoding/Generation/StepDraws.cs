using System.Runtime.InteropServices;

namespace Kernels.Decoding;

/// <summary>The tokens that a step draws on the device, in the order of its rows of logits. Its lists are kept from step to step.</summary>
internal sealed class StepDraws
{
    private readonly List<TokenDraw> draws = [];
    private readonly List<LogitChange> changes = [];

    // [masks, 1 + words]: the row, and a bit for each token that may come.
    private readonly List<int> masks = [];
    private readonly List<int> wantedLogits = [];

    /// <summary>Rows.</summary>
    public int Rows => draws.Count;

    /// <summary>Whether a row is not to have its likeliest token.</summary>
    public bool HasTemperatures => draws.Exists(draw => draw.Scale != 0);

    /// <summary>Logits that are changed first.</summary>
    public int Changes => changes.Count;

    /// <summary>Rows that have a mask.</summary>
    public int Masks { get; private set; }

    /// <summary>Rows whose logits are wanted, too, ascending.</summary>
    public IReadOnlyList<int> WantedLogits => wantedLogits;

    /// <summary>32-bit words of all.</summary>
    public int Words => (draws.Count * TokenDraw.Words) + (changes.Count * LogitChange.Words) + masks.Count;

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        draws.Clear();
        changes.Clear();
        masks.Clear();
        wantedLogits.Clear();
        Masks = 0;
    }

    /// <summary>Takes the next row's draw.</summary>
    public void Add(TokenDraw draw) => draws.Add(draw);

    /// <summary>Takes a draw of a sampler for the next row, with its penalties and biases.</summary>
    public void Add(Sampler sampler)
    {
        sampler.CollectChanges(draws.Count, changes);
        draws.Add(sampler.NextDraw());
    }

    /// <summary>Has the logits of the next row read.</summary>
    public void WantLogits() => wantedLogits.Add(draws.Count);

    /// <summary>Holds the next row to some tokens.</summary>
    /// <param name="allowed">Bit t % 64 of word t / 64; tokens beyond its end are not allowed.</param>
    /// <param name="ends">Further tokens.</param>
    /// <param name="vocabulary">Tokens of a row.</param>
    public void Mask(ReadOnlySpan<ulong> allowed, ReadOnlySpan<int> ends, int vocabulary)
    {
        int words = (vocabulary + 31) / 32;
        int first = masks.Count + 1;
        CollectionsMarshal.SetCount(masks, first + words);
        Span<int> own = CollectionsMarshal.AsSpan(masks)[first..];
        masks[first - 1] = draws.Count;
        ReadOnlySpan<int> given = MemoryMarshal.Cast<ulong, int>(allowed);
        given = given[..Math.Min(given.Length, words)];
        given.CopyTo(own);
        own[given.Length..].Clear();
        foreach (int end in ends)
        {
            if ((uint)end < (uint)vocabulary)
            {
                own[end >> 5] |= 1 << (end & 31);
            }
        }

        Masks++;
    }

    /// <summary>Writes draws, changes and masks one behind the other.</summary>
    public void Write(Span<int> words)
    {
        foreach (TokenDraw draw in draws)
        {
            draw.Write(words);
            words = words[TokenDraw.Words..];
        }

        foreach (LogitChange change in changes)
        {
            change.Write(words);
            words = words[LogitChange.Words..];
        }

        CollectionsMarshal.AsSpan(masks).CopyTo(words);
    }
}
