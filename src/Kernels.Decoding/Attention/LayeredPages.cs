
namespace Kernels.Decoding;

/// <summary>The pages of several caches that hold the same tokens, each for other layers. They change together or not at all.</summary>
internal sealed class LayeredPages(IDecoderPages[] groups) : IDecoderPages
{
    public int PageSize => groups.Min(group => group.PageSize);

    public int PageCount => groups.Min(group => group.PageCount);

    public PagePoolStatistics Statistics => groups.Select(group => group.Statistics).MinBy(statistics => statistics.Available);

    public bool TryReserve(int sequence, int tokens) => All(
        group => group.TryReserve(sequence, tokens), group => group.Truncate(sequence, group.Length(sequence)));

    public void Truncate(int sequence, int length) => Array.ForEach(groups, group => group.Truncate(sequence, length));

    public int Length(int sequence) => groups[0].Length(sequence);

    public int AdoptPrefix(int sequence, ReadOnlySpan<int> tokens)
    {
        int adopted = int.MaxValue;
        foreach (IDecoderPages group in groups)
        {
            adopted = Math.Min(adopted, group.AdoptPrefix(sequence, tokens));
        }

        Truncate(sequence, adopted);
        return adopted;
    }

    public void Publish(int sequence, ReadOnlySpan<int> tokens)
    {
        foreach (IDecoderPages group in groups)
        {
            group.Publish(sequence, tokens);
        }
    }

    public void SwapOut(int sequence) => Array.ForEach(groups, group => group.SwapOut(sequence));

    public bool TrySwapIn(int sequence) => All(group => group.TrySwapIn(sequence), group => group.SwapOut(sequence));

    private bool All(Func<IDecoderPages, bool> change, Action<IDecoderPages> undo)
    {
        for (int done = 0; done < groups.Length; done++)
        {
            if (!change(groups[done]))
            {
                Array.ForEach(groups[..done], undo);
                return false;
            }
        }

        return true;
    }
}
