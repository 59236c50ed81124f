namespace Kernels.Decoding;

/// <summary>Byte strings with a number each, by their bytes.</summary>
internal sealed class ByteTrie
{
    private readonly List<Dictionary<byte, int>> children = [[]];
    private readonly List<int> ends = [-1];

    // The numbers of all strings that go through a node.
    private readonly List<List<int>> through = [[]];

    /// <summary>Adds a string.</summary>
    public void Add(ReadOnlySpan<byte> text, int number)
    {
        int node = 0;
        through[0].Add(number);
        foreach (byte b in text)
        {
            if (!children[node].TryGetValue(b, out int child))
            {
                child = children.Count;
                children[node].Add(b, child);
                children.Add([]);
                ends.Add(-1);
                through.Add([]);
            }

            node = child;
            through[node].Add(number);
        }

        ends[node] = number;
    }

    /// <summary>The node after one more byte; −1 where no string goes on so.</summary>
    public int Next(int node, byte b) => children[node].TryGetValue(b, out int child) ? child : -1;

    /// <summary>Whether strings go on behind a node.</summary>
    public bool HasNext(int node) => children[node].Count > 0;

    /// <summary>The number of the string that ends at a node; −1 where none does.</summary>
    public int End(int node) => ends[node];

    /// <summary>Whether a string with a number in this range, its ends included, goes through a node.</summary>
    public bool Reaches(int node, int first, int last)
    {
        foreach (int number in through[node])
        {
            if (number >= first && number <= last)
            {
                return true;
            }
        }

        return false;
    }
}
