using System.Collections.Immutable;

namespace Kernels.Decoding;

/// <summary>
/// Ends a text before the first stop string that is complete in it. Text that may be the beginning of one is held back until it
/// cannot be any more, so that what came out never has to be taken back; how the text was cut into pieces makes no difference.
/// </summary>
internal sealed class StopFilter(ImmutableArray<string> stops)
{
    private string held = "";

    /// <summary>Whether a stop string was found: nothing comes out any more.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Takes more of the text, and gives what is certain of it.</summary>
    public string Push(string text)
    {
        if (Stopped || (stops.IsEmpty && held.Length == 0))
        {
            return Stopped ? "" : text;
        }

        string seen = held + text;
        if (FindFirst(seen) is { } start)
        {
            Stopped = true;
            held = "";
            return seen[..start];
        }

        int keep = stops.Max(stop => CommonEnd(seen, stop));
        held = seen[^keep..];
        return seen[..^keep];
    }

    /// <summary>Ends the text: gives what was held back.</summary>
    public string Flush()
    {
        string rest = held;
        held = "";
        return rest;
    }

    /// <summary>Where the stop string begins that ends first; of several, the longest.</summary>
    private int? FindFirst(string text)
    {
        (int End, int Start)? first = null;
        foreach (string stop in stops)
        {
            int start = text.IndexOf(stop, StringComparison.Ordinal);
            if (start >= 0 && (first is null || (start + stop.Length, start).CompareTo(first.Value) < 0))
            {
                first = (start + stop.Length, start);
            }
        }

        return first?.Start;
    }

    /// <summary>How many characters at the end of a text begin the stop string, without being all of it.</summary>
    private static int CommonEnd(string text, string stop)
    {
        int length = Math.Min(text.Length, stop.Length - 1);
        while (!text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
        {
            length--;
        }

        return length;
    }
}
